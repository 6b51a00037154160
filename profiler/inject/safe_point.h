/* SPDX-License-Identifier: MIT */
/* A thread is at a safe point if it is neither in the allocator nor in the loader, nor in a
 * function that they have called or that has interrupted them.
 *
 * While a process has one thread, the C library's allocator takes no lock. A second thread, of
 * ours, may then allocate only while the first one is held at a safe point. */
#pragma once
#include "inject/stack_words.h"
#include "target/target.h"

enum {
	HP_SAFE_POINT_RANGES_MAX = 512,
};

struct hp_safe_point_code {
	/* Where a thread must not be, unless it waits in a system call. */
	struct hp_code_range at[HP_SAFE_POINT_RANGES_MAX];
	size_t n_at;
	/* Where none of its frames must return to. */
	struct hp_code_range returns[HP_SAFE_POINT_RANGES_MAX];
	size_t n_returns;
};

/* Finds the code of the allocators and of the loader. The threads may run. Returns 0 or
 * HP_TARGET_E. */
int hp_safe_point_find_code(struct hp_target *t, struct hp_safe_point_code *out);

/* Returns true if the thread, which is stopped, is at a safe point. */
bool hp_safe_point_is(struct hp_target *t, const struct hp_safe_point_code *code, int thread);
