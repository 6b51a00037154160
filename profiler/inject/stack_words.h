/* SPDX-License-Identifier: MIT */
/* The words on a thread's stack, from its stack pointer on, are looked at for addresses of code, as
 * those to which functions will return. Some are left from calls that have ended, so a thread may
 * seem to be in code that it has left, but not the other way around. */
#pragma once
#include "target/target.h"

struct hp_code_range {
	uint64_t start, end;
};

bool hp_code_range_has(const struct hp_code_range *ranges, size_t n, uint64_t address);

/* Returns true if a word on the stack of a stopped thread is in one of the ranges, or if that is
 * not known. A stack that a signal's handler has left for its own is looked at, too. The target's
 * maps must be those of the stop. */
bool hp_stack_words_are_in(struct hp_target *t, int thread, const struct hp_code_range *ranges,
			   size_t n);

/* Same, from a stack pointer on. */
bool hp_stack_words_from(struct hp_target *t, uint64_t sp, const struct hp_code_range *ranges,
			 size_t n);
