/* SPDX-License-Identifier: MIT */
/* Function ranges are the functions of one unit of DWARF and the functions inlined into them, by
 * address. */
#pragma once
#include <elfutils/libdw.h>

#include "symbolize/object.h"
#include "symbolize/rangemap.h"

struct scope {
	Dwarf_Die die;  /* a function, or an inlined copy of one */
	uint32_t outer; /* the scope around an inlined copy; otherwise RANGEMAP_NONE */
};

/* All zeroes is an empty set of functions. */
struct function_ranges {
	VEC(struct scope) items;
	struct rangemap map; /* from addresses to items */
};

/* Limits on the ranges that a file's DWARF may give. */
struct scope_limits {
	const struct object *code; /* ranges outside its code are skipped */
	size_t ranges_left;        /* how many more ranges are read */
};

/* The initial value of ranges_left. A limit is needed because many DIEs may share one list of
 * ranges, so that a small file could give more ranges than memory holds. */
#define SCOPE_RANGES_MAX (32u << 20)

/* Reads all functions of a unit. Broken DWARF ends the reading; what was read before it stays.
 * Returns 0 or -ENOMEM. */
int function_ranges_read(struct function_ranges *scopes, Dwarf_Die *unit,
			 struct scope_limits *limits);

void function_ranges_deinit(struct function_ranges *scopes);

/* Calls `add` for each range of a DIE, except ranges that the linker discarded. Returns the number
 * of ranges, including the discarded ones. If `add` returns anything except 0, stops and returns
 * that. */
int scope_ranges(Dwarf_Die *die, struct scope_limits *limits,
		 int (*add)(void *opaque, uint64_t low, uint64_t high), void *opaque);
