/* SPDX-License-Identifier: MIT */
/* The memory map at the end of a text dump: lines of /proc/self/maps, or the shorter ones that
 * other tools write. Only executable mappings are kept. */
#pragma once
#include "base/cursor.h"
#include "base/diag.h"
#include "base/input.h"
#include "model/profile.h"

/* More than any dump has, and little enough for lines that are made to expand. */
#define MEMORY_MAP_VARIABLES_MAX 64
#define MEMORY_MAP_NAME_MAX      64 /* what is longer is no name: any line may hold a '=' */
#define MEMORY_MAP_VALUE_MAX     4096
#define MEMORY_MAP_EXPANDED_MAX  (16u << 10)

struct memory_map_variable {
	char *name; /* with the '$' that stands before it where it is used */
	char *value;
};

/* All zeroes but the first three is a valid start. */
struct memory_map {
	struct profile *profile;
	const struct input *input; /* whose lines are added */
	struct diag *diag;
	bool has_left_out, has_cut; /* whether it was warned of */
	VEC(struct memory_map_variable) variables;
	VEC(char) expanded; /* the line, with variables replaced */
};

void memory_map_deinit(struct memory_map *map);

/* Reads one line: a mapping is added to the profile, `NAME=VALUE` stands for `$NAME` from now on,
 * what is neither is passed over, as pprof does. The first variable that is left out for its size,
 * and the first line that is cut as it expands, is warned of. */
void memory_map_add_line(struct memory_map *map, struct cursor line);
