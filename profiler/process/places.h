/* SPDX-License-Identifier: MIT */
/* A place is a range of addresses at which a library's code is, or was, mapped. A frame rule
 * (frame_rule.h) has 16 bits for the number of a place, and the place records the library's number
 * and where its code begins. So a frame can be made of the library's number and an offset into its
 * code, which is the same wherever the library is opened.
 *
 * A place of an earlier epoch (see hp_modules_epoch) is reused for another range of the same
 * library. So there are only as many places as were needed at the same time, however often
 * libraries are opened and closed. A walk that began earlier may still have a rule with the place's
 * former range: hp_places_frame() detects this. */
#pragma once
#include "base/arena.h"

enum {
	HP_PLACE_FIXED = 0, /* the library was loaded at start, or the address is in no library */
	HP_PLACE_UNKNOWN = 0xffff, /* the library has no number */
};

/* A range is the code of library `number`, from `start` up to `end`. Both are at the beginning of a
 * page. */
struct hp_range {
	uintptr_t start, end;
	uint16_t number;
};

/* Sets *out_frame to the frame (see hp_frame_make) of the instruction at `ip`; `place` is from the
 * rule of `ip`. Returns false if the place has been given to another range. Any thread;
 * signal-safe: yes; may allocate: no. Takes no lock. */
bool hp_places_frame(uint16_t place, uintptr_t ip, uint64_t *out_frame);

/* --- lists of places, which belong to modules.c and its lock ------------------------------- */

/* Returns the place in `list` that has this range, and sets its epoch to `epoch`. If no place has
 * the range, it is given to a place of an earlier epoch, or to a new place from `arena`. Returns
 * HP_PLACE_UNKNOWN if neither is possible. `list` is the number of its first place, or 0 if it is
 * empty. */
uint16_t hp_places_take(struct hp_arena *arena, uint16_t *list, const struct hp_range *range,
			uint32_t epoch);

/* Returns true if a place in `list` has a range that begins at `start`, and has the epoch `epoch`,
 * or any epoch if `epoch` is 0. With `epoch` 0 it may also be called without the lock. */
bool hp_places_has(uint16_t list, uintptr_t start, uint32_t epoch);
