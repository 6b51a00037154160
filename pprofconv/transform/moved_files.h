/* SPDX-License-Identifier: MIT */
/* A moved file is a source file that was in another folder when it was built. This finds the
 * functions of such files again: of those with the same name and the same last part of the path,
 * the one whose path has the longest common end. Each is found once. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

#define MOVED_FILES_NONE UINT32_MAX

struct moved_file {
	const char *file; /* belongs to the caller */
	size_t file_size;
	uint32_t name, number;
};

/* All zeroes: empty. */
struct moved_files {
	VEC(struct moved_file) candidates; /* sorted by name, then by the path from its end */
	/* Private: the nearest candidate not found yet, from each place on, counted from 1. */
	VEC(uint32_t) before, behind;
};

/* Adds a function. Equal names have equal numbers `name`; `file` must outlive `moved`; `number` is
 * what moved_files_take() returns. Returns 0 or -ENOMEM. */
int moved_files_add(struct moved_files *moved, uint32_t name, const char *file, uint32_t number);

/* Call it once, after all functions are added. Returns 0 or -ENOMEM. */
int moved_files_build(struct moved_files *moved);

/* Returns the number of the function that is found, or MOVED_FILES_NONE. */
uint32_t moved_files_take(struct moved_files *moved, uint32_t name, const char *file);

void moved_files_deinit(struct moved_files *moved);
