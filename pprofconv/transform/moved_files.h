/* SPDX-License-Identifier: MIT */
/* A moved file is a source file that was in different folders when the two sides of a comparison
 * were built. moved_files_take() finds the functions of moved files again. Of the functions with
 * the same name and the same last part of the path, it finds the one whose path has the longest end
 * in common. Each function is found at most once. */
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
	VEC(struct moved_file) candidates; /* sorted by name, then by the path, read from its end */
	/* Private: for each place, counted from 1, the nearest candidate that was not found yet: in
	 * `before` at or before the place, in `behind` at or after it. */
	VEC(uint32_t) before, behind;
};

/* Adds a function to the candidates. `name` is a number for its name, `file` must outlive `moved`,
 * and `number` is what moved_files_take() returns. Returns 0 or -ENOMEM. */
int moved_files_add(struct moved_files *moved, uint32_t name, const char *file, uint32_t number);

/* Sorts the candidates. Call this function once, after all functions have been added. Returns 0 or
 * -ENOMEM. */
int moved_files_build(struct moved_files *moved);

/* Finds the candidate that best matches `name` and `file`, and removes it from the candidates.
 * Returns its number, or MOVED_FILES_NONE if no candidate matches. */
uint32_t moved_files_take(struct moved_files *moved, uint32_t name, const char *file);

void moved_files_deinit(struct moved_files *moved);
