/* SPDX-License-Identifier: MIT */
/* A place is the range of addresses where a library's code lies, or has lain. The rule of an
 * address (frame_rule.h) has room for 16 bits: they name the place, and the place says which
 * library that is and where its code begins. So a frame can be the number of a library and an
 * offset into its code, which is the same wherever the library is opened.
 *
 * A place that belongs to an earlier epoch (see hp_modules_epoch) is taken for another range of the
 * same library. So there are as many as were needed at one time, however often libraries are opened
 * and closed. A walk that began before may still hold the rule of the former range:
 * hp_places_frame() sees that. */
#pragma once
#include "base/arena.h"

enum {
	HP_PLACE_FIXED = 0,        /* of a library that was loaded at start, or no library's */
	HP_PLACE_UNKNOWN = 0xffff, /* of a library without a number */
};

/* What a place holds: code of library `number` from `start` up to `end`, which begin pages. */
struct hp_range {
	uintptr_t start, end;
	uint16_t number;
};

/* The frame (see hp_frame_make) of the instruction at `ip`, of whose rule that is the place. False
 * if another range has the place by now. Takes no lock; any thread. */
bool hp_places_frame(uint16_t place, uintptr_t ip, uint64_t *out_frame);

/* --- the lists of modules.c, under its lock ------------------------------------------------- */

/* The place of that range in `list`, from now on one of `epoch`. Where there is none, one of an
 * earlier epoch is taken, or one is made, of `arena`; HP_PLACE_UNKNOWN if that can't be. An empty
 * list is 0. */
uint16_t hp_places_take(struct hp_arena *arena, uint16_t *list, const struct hp_range *range,
			uint32_t epoch);

/* Whether a place in `list` holds code that begins at `start`; with an `epoch` other than 0, only
 * if it is one of that. The second may also be asked without the lock, with epoch 0. */
bool hp_places_has(uint16_t list, uintptr_t start, uint32_t epoch);
