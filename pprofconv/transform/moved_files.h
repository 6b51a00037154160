/* SPDX-License-Identifier: MIT */
/* Finds functions again whose source lay in another folder when they were built: of those with the
 * same name and the same last part of the path, the one with the longest common end of it. Each is
 * found once. */
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

struct moved_files {                       /* all zeroes is an empty one */
	VEC(struct moved_file) candidates; /* sorted by name, then by the path from its end */
	/* Private: the nearest candidate not found yet, from each on, counted from 1. */
	VEC(uint32_t) before, behind;
};

/* Adds one with that name, equal where the number is, and a file that outlives `moved`. 0 or
 * -ENOMEM. */
int moved_files_add(struct moved_files *moved, uint32_t name, const char *file, uint32_t number);

/* To be called once, when all are in. 0 or -ENOMEM. */
int moved_files_build(struct moved_files *moved);

/* The number of the one that is found, or MOVED_FILES_NONE. */
uint32_t moved_files_take(struct moved_files *moved, uint32_t name, const char *file);

void moved_files_deinit(struct moved_files *moved);
