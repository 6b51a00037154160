/* SPDX-License-Identifier: MIT */
/* Function ranges are the functions of one unit of DWARF and the functions inlined into them, by
 * address. */
#pragma once
#include <elfutils/libdw.h>

#include "symbolize/object.h"
#include "symbolize/rangemap.h"

struct scope {
	Dwarf_Die die;  /* a function, or an inlined copy of one */
	uint32_t outer; /* the scope that an inlined copy is in; else RANGEMAP_NONE */
};

/* All zeroes is an empty one. */
struct function_ranges {
	VEC(struct scope) items;
	struct rangemap map; /* to items */
};

/* Limits on the ranges that a file's DWARF may give. */
struct scope_limits {
	const struct object *code; /* the ranges must be in it */
	size_t ranges_left;        /* how many more of them are read; 0: no more */
};

/* Lists may be shared, so a small file can ask for any number of ranges. */
#define SCOPE_RANGES_MAX (32u << 20)

/* Reads all of a unit. Broken DWARF ends the reading; the part before it stays. Returns 0 or
 * -ENOMEM. */
int function_ranges_read(struct function_ranges *scopes, Dwarf_Die *unit,
			 struct scope_limits *limits);

void function_ranges_deinit(struct function_ranges *scopes);

/* Calls `add` for each range of code of a DIE, except for those that the linker discarded. Returns
 * how many there were, or the result of `add` if that is not 0. */
int scope_ranges(Dwarf_Die *die, struct scope_limits *limits,
		 int (*add)(void *opaque, uint64_t low, uint64_t high), void *opaque);
