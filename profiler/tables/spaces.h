/* SPDX-License-Identifier: MIT */
/* A space is a range of addresses that the program has mapped itself. It is either usable, or only
 * reserved: a reservation has no memory until it becomes usable. Spaces are used for
 * HEAP_PROFILE_MMAP.
 *
 * Recorded mappings (regions.h) are a sample, but spaces are complete, because for every byte it
 * must be known whether a call of mprotect() makes it usable. Adjacent spaces of one kind are one
 * range, so there are few ranges. If there is no room for a range, it is forgotten. Any thread,
 * from within a hook; may allocate: no. */
#pragma once
#include "base/arena.h"
#include "base/view.h"

enum hp_space {
	HP_SPACE_UNKNOWN, /* not mapped by the program, or not since recording began */
	HP_SPACE_RESERVED,
	HP_SPACE_USABLE,
};

struct hp_space_range {
	uintptr_t start, end;
	enum hp_space kind;
};

/* Sets the kind of the whole range. Returns false if a part could not be stored: without memory, or
 * without the lock. */
bool hp_spaces_set(uintptr_t start, size_t size, enum hp_space kind);

/* Finds the first part of the range that is of the kind `from`, changes it to the kind `to`, stores
 * it in `out` and returns true. Returns false if there is no such part or the lock was not
 * acquired. */
bool hp_spaces_turn(uintptr_t start, size_t size, enum hp_space from, enum hp_space to,
		    struct hp_space_range *out);

/* Returns the kind of the page at `address`, or HP_SPACE_UNKNOWN if the lock was not acquired. */
enum hp_space hp_spaces_at(uintptr_t address);

enum {
	HP_SPACES_TAKEN_MAX = 8
};

struct hp_spaces_taken {
	size_t n;
	struct hp_space_range ranges[HP_SPACES_TAKEN_MAX];
};

/* Takes the range out, because it may be about to be unmapped, and stores its parts in `out`. Parts
 * beyond HP_SPACES_TAKEN_MAX are forgotten. Takes nothing if the lock was not acquired. */
void hp_spaces_take(uintptr_t start, size_t size, struct hp_spaces_taken *out);

/* Puts the parts that were taken from the `size` bytes at `start` back, but at the address `now`.
 * Parts beyond these bytes are forgotten. */
void hp_spaces_put_back(const struct hp_spaces_taken *taken, uintptr_t start, size_t size,
			uintptr_t now);

/* Returns how many bytes are reserved. This and hp_spaces_is_empty() take no lock. */
uint64_t hp_spaces_reserved_bytes(void);
bool hp_spaces_is_empty(void);

/* Forgets all spaces. No other thread may be using them. */
void hp_spaces_reset(void);

/* Call it in a fork child. Releases the lock. */
void hp_spaces_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_spaces_view[1];
