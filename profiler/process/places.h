/* SPDX-License-Identifier: MIT */
/* A place is a range of addresses where a library's code is, or was, mapped. The rule of an address
 * (frame_rule.h) has room for 16 bits: they name the place, and the place says which library that
 * is and where its code begins. So a frame can be the number of a library and an offset into its
 * code, which is the same wherever the library is opened.
 *
 * A place that belongs to an earlier epoch (see hp_modules_epoch) is reused for another range of
 * the same library. So there are as many places as were needed at one time, however often libraries
 * are opened and closed. A walk that began earlier may still have the rule of the former range:
 * hp_places_frame() detects that. */
#pragma once
#include "base/arena.h"

enum {
	HP_PLACE_FIXED = 0, /* of a library that was loaded at start, or outside of all libraries */
	HP_PLACE_UNKNOWN = 0xffff, /* of a library without a number */
};

/* A range is the code of library `number` from `start` up to `end`, both at the beginning of a
 * page. */
struct hp_range {
	uintptr_t start, end;
	uint16_t number;
};

/* Stores the frame (see hp_frame_make) of the instruction at `ip`, whose rule has this place.
 * Returns false if another range has the place by now. Any thread; signal-safe: yes; may allocate:
 * no. Takes no lock. */
bool hp_places_frame(uint16_t place, uintptr_t ip, uint64_t *out_frame);

/* --- the lists of places in modules.c, under its lock --------------------------------------- */

/* Returns the place of that range in `list`, which is of `epoch` from now on. If there is none, a
 * place of an earlier epoch is reused, or one is allocated from `arena`. Returns HP_PLACE_UNKNOWN
 * if neither is possible. An empty list is 0. */
uint16_t hp_places_take(struct hp_arena *arena, uint16_t *list, const struct hp_range *range,
			uint32_t epoch);

/* Returns true if a place in `list` holds code that begins at `start` and, unless `epoch` is 0, is
 * of that epoch. With epoch 0 it may also be called without the lock. */
bool hp_places_has(uint16_t list, uintptr_t start, uint32_t epoch);
