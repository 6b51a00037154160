/* SPDX-License-Identifier: MIT */
/* A space is a range of addresses that the program has mapped itself. It is usable, or only
 * reserved: a reservation has no memory until it becomes usable. For HEAP_PROFILE_MMAP.
 *
 * Recorded mappings (regions.h) are a sample. Spaces are not: whether a call of mprotect() makes
 * something usable must be known for every byte. Neighbours of one kind are one range, so there are
 * few. A range for which there is no room is forgotten. Any thread, from within a hook; may
 * allocate: no. */
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

/* Sets the kind of the whole range. Returns false if something was forgotten, because there is no
 * memory or the lock was not acquired. */
bool hp_spaces_set(uintptr_t start, size_t size, enum hp_space kind);

/* Changes the first part of the range that is of the kind `from` to the kind `to`, and stores it in
 * `out`. Returns false if there is none or the lock was not acquired. */
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

/* Takes the range out, because it may be about to be unmapped. What is beyond HP_SPACES_TAKEN_MAX
 * is forgotten. */
void hp_spaces_take(uintptr_t start, size_t size, struct hp_spaces_taken *out);

/* Puts back at `now` what was taken of the first `size` bytes from `start` on; the rest is
 * forgotten. */
void hp_spaces_put_back(const struct hp_spaces_taken *taken, uintptr_t start, size_t size,
			uintptr_t now);

/* Returns how many bytes are reserved. Takes no lock, nor does the next one. */
uint64_t hp_spaces_reserved_bytes(void);
bool hp_spaces_is_empty(void);

/* Forgets everything. Nobody may be using it. */
void hp_spaces_reset(void);

/* In a fork child: releases the lock. */
void hp_spaces_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_spaces_view[1];
