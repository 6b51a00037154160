/* SPDX-License-Identifier: MIT */
/* A memory window is the part of a target's memory that was read last, for reads in order of
 * addresses. It contains only pages that have contents: other pages are not touched. */
#pragma once
#include <stdbool.h>

#include "target/target.h"

struct memory_window {
	struct hp_target *target;
	uint64_t start, end; /* of the bytes */
	char *bytes;
};

/* Returns 0 or -ENOMEM. */
int memory_window_init(struct memory_window *window, struct hp_target *target);
void memory_window_deinit(struct memory_window *window);

/* Reads `size` bytes, at most a page. Returns false if they can't be read. */
bool memory_window_read(struct memory_window *window, uint64_t address, void *to, size_t size);

static inline bool memory_window_word(struct memory_window *window, uint64_t address, uint64_t *out)
{
	return memory_window_read(window, address, out, sizeof(*out));
}
