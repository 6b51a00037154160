/* SPDX-License-Identifier: MIT */
/* A DIE walk visits all DIEs of one unit of DWARF, in the order of the file. Broken DWARF ends the
 * walk early, and never makes it endless. */
#pragma once
#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct die_walk {
	Dwarf_Die die;
	size_t depth;       /* 0: the unit's own DIE */
	const uint8_t *end; /* of the unit */
};

/* Returns a walk that is at the unit's own DIE. */
struct die_walk die_walk_start(Dwarf_Die *unit);

/* Steps to the next DIE. Returns false at the end. */
bool die_walk_next(struct die_walk *walk);
