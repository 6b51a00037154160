/* SPDX-License-Identifier: MIT */
/* A memory map is the list of mappings at the end of a text dump: lines of /proc/self/maps, or the
 * shorter ones that other tools write. Only executable mappings are kept. */
#pragma once
#include "base/cursor.h"
#include "base/diag.h"
#include "base/input.h"
#include "model/profile.h"

/* Limits above what any dump has, and low enough for lines that are made to expand. */
#define MEMORY_MAP_VARIABLES_MAX 64
#define MEMORY_MAP_NAME_MAX      64 /* longer is not a name: any line may hold a '=' */
#define MEMORY_MAP_VALUE_MAX     4096
#define MEMORY_MAP_EXPANDED_MAX  (16u << 10)

struct memory_map_variable {
	char *name; /* with the '$' in front, as where it is used */
	char *value;
};

/* All zeroes except for the first three fields is a valid start. */
struct memory_map {
	struct profile *profile;
	const struct input *input; /* that the lines come from */
	struct diag *diag;
	bool has_left_out, has_cut; /* the warning was given */
	VEC(struct memory_map_variable) variables;
	VEC(char) expanded; /* the line, with variables replaced */
};

void memory_map_deinit(struct memory_map *map);

/* Reads one line. A mapping is added to the profile; after `NAME=VALUE`, `$NAME` expands to VALUE;
 * any other line is skipped, as pprof does. Warns once of a variable that is ignored for its size,
 * and once of a line that is cut as it expands. */
void memory_map_add_line(struct memory_map *map, struct cursor line);
