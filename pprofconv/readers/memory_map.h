/* SPDX-License-Identifier: MIT */
/* A memory map is the list of mappings at the end of a text dump: lines of /proc/self/maps, or the
 * shorter lines that other tools write. Only executable mappings are kept. */
#pragma once
#include "base/cursor.h"
#include "base/diag.h"
#include "base/input.h"
#include "model/profile.h"

/* These limits are above what any real dump needs, but low enough for lines that were made to
 * expand without bounds. */
#define MEMORY_MAP_VARIABLES_MAX 64
#define MEMORY_MAP_NAME_MAX      64 /* longer text is not a name: any line may have a '=' */
#define MEMORY_MAP_VALUE_MAX     4096
#define MEMORY_MAP_EXPANDED_MAX  (16u << 10)

struct memory_map_variable {
	char *name; /* with a '$' in front, as in the lines that use it */
	char *value;
};

/* To start, set the first three fields and leave all other fields zero. */
struct memory_map {
	struct profile *profile;
	const struct input *input; /* the input that the lines come from */
	struct diag *diag;
	bool has_left_out, has_cut; /* the warning was given */
	VEC(struct memory_map_variable) variables;
	VEC(char) expanded; /* the line, with variables replaced */
};

void memory_map_deinit(struct memory_map *map);

/* Reads one line. A mapping is added to the profile. After a line `NAME=VALUE`, `$NAME` expands to
 * VALUE in the following lines. Any other line is skipped, as pprof does. Warns once if a variable
 * is ignored because of its size, and once if a line is cut when its variables are expanded. */
void memory_map_add_line(struct memory_map *map, struct cursor line);
