/* SPDX-License-Identifier: MIT */
/* A range map finds which of many address ranges covers an address. Ranges may nest, as functions
 * and the functions inlined into them do; the innermost range is found. All zeroes is an empty
 * map. */
#pragma once
#include <stdint.h>

#include "base/vec.h"

#define RANGEMAP_NONE UINT32_MAX

struct rangemap_range {
	uint64_t low;
	uint64_t high; /* the first address after it */
	uint32_t depth;
	uint32_t id;
};

struct rangemap_piece {
	uint64_t start; /* the piece ends where the next piece starts */
	uint32_t id;
};

struct rangemap {
	VEC(struct rangemap_range) ranges; /* as added; freed by rangemap_build() */
	VEC(struct rangemap_piece) pieces; /* by address */
};

/* Adds a range; an empty or reversed one is ignored. If two ranges have the same bounds, the one
 * with the larger depth is the inner one. Returns 0 or -ENOMEM. */
int rangemap_add(struct rangemap *map, uint64_t low, uint64_t high, uint32_t depth, uint32_t id);

/* Makes the map ready for rangemap_find(). Nothing can be added afterwards. Returns 0 or
 * -ENOMEM. */
int rangemap_build(struct rangemap *map);

/* Returns the id of the innermost range that covers `address`, or RANGEMAP_NONE if no range covers
 * it. */
uint32_t rangemap_find(const struct rangemap *map, uint64_t address);

void rangemap_deinit(struct rangemap *map);
