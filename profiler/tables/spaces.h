/* SPDX-License-Identifier: MIT */
/* The address space that the program has mapped itself. A part of it is usable, or only reserved: a
 * reservation has no memory until it becomes usable. For HEAP_PROFILE_MMAP.
 *
 * Recorded mappings (regions.h) are a sample. These ranges are not: whether a call of mprotect
 * makes something usable has to be known of every byte. Neighbours of one kind are one range, so
 * that there are few. A range for which there is no room is forgotten. */
#pragma once
#include "base/arena.h"
#include "base/view.h"

enum hp_space {
	HP_SPACE_UNKNOWN, /* not mapped by the program, or not in this session */
	HP_SPACE_RESERVED,
	HP_SPACE_USABLE,
};

struct hp_space_range {
	uintptr_t start, end;
	enum hp_space kind;
};

/* From now on the whole range is of that kind. False if something was forgotten, for want of memory
 * or because the lock can't be had. Any thread, from within a hook, as all below. */
bool hp_spaces_set(uintptr_t start, size_t size, enum hp_space kind);

/* Turns the first part of the range that is of the kind `from` into `to`, and stores it in `out`.
 * False if there is none. */
bool hp_spaces_turn(uintptr_t start, size_t size, enum hp_space from, enum hp_space to,
		    struct hp_space_range *out);

/* Returns the kind of the page at `address`. */
enum hp_space hp_spaces_at(uintptr_t address);

enum {
	HP_SPACES_TAKEN_MAX = 8
};

struct hp_spaces_taken {
	size_t n;
	struct hp_space_range ranges[HP_SPACES_TAKEN_MAX];
};

/* Takes the range out, for it may be about to go. What is beyond HP_SPACES_TAKEN_MAX is forgotten.
 */
void hp_spaces_take(uintptr_t start, size_t size, struct hp_spaces_taken *out);

/* What was taken of the first `size` bytes from `start` on is at `now`; the rest is forgotten. */
void hp_spaces_put_back(const struct hp_spaces_taken *taken, uintptr_t start, size_t size,
			uintptr_t now);

/* Returns how many bytes are reserved. Lock-free, as the next one. */
uint64_t hp_spaces_reserved_bytes(void);
bool hp_spaces_is_empty(void);

/* Forgets everything. Nobody may be using it. */
void hp_spaces_reset(void);

void hp_spaces_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_spaces_view[1];
