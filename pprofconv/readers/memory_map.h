/* SPDX-License-Identifier: MIT */
/* The memory map at the end of a text dump: lines of /proc/self/maps, or the shorter ones that
 * other tools write. Only executable mappings are kept. */
#pragma once
#include "base/cursor.h"
#include "profile.h"

#define MEMORY_MAP_VARIABLES_MAX 64

struct memory_map_variable {
	char *name; /* with the '$' that stands before it where it is used */
	char *value;
};

/* All zeroes but the profile is a valid start. */
struct memory_map {
	struct profile *profile;
	VEC(struct memory_map_variable) variables;
	VEC(char) expanded; /* the line, with variables replaced */
};

void memory_map_deinit(struct memory_map *map);

/* Reads one line: a mapping is added to the profile, `NAME=VALUE` stands for `$NAME` from now on,
 * what is neither is passed over, as pprof does. */
void memory_map_add_line(struct memory_map *map, struct cursor line);
