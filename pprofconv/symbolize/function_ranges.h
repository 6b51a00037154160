/* SPDX-License-Identifier: MIT */
/* The functions of one unit of DWARF and what was inlined into them, by address. */
#pragma once
#include <elfutils/libdw.h>

#include "symbolize/object.h"
#include "symbolize/rangemap.h"

struct scope {
	Dwarf_Die die;  /* a function, or an inlined copy of one */
	uint32_t outer; /* of an inlined copy: the scope it was inlined into; else RANGEMAP_NONE */
};

/* All zeroes is an empty one. */
struct function_ranges {
	VEC(struct scope) items;
	struct rangemap map; /* to items */
};

/* What bounds the ranges that a file's DWARF may give. */
struct scope_limits {
	const struct object *code; /* that the ranges must lie in */
	size_t ranges_left;        /* how many more of them are read; 0: no more */
};

#define SCOPE_RANGES_MAX \
	(32u << 20) /* lists may be shared, so a small file can ask for any number */

/* Reads all of a unit. Broken DWARF ends the reading, what came before it stays. 0 or -ENOMEM. */
int function_ranges_read(struct function_ranges *scopes, Dwarf_Die *unit,
			 struct scope_limits *limits);

void function_ranges_deinit(struct function_ranges *scopes);

/* Calls `add` for each range of code of a DIE, but for those that the linker threw away. How many
 * there were, or what `add` returned if that is not 0. */
int scope_ranges(Dwarf_Die *die, struct scope_limits *limits,
		 int (*add)(void *opaque, uint64_t low, uint64_t high), void *opaque);
