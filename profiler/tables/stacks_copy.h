/* SPDX-License-Identifier: MIT */
/* A copy is a snapshot of the counts of all stacks, for a dump. Frames are not copied: they stay
 * where they are until the copy is released. Any thread; signal-safe: yes; may allocate: no. */
#pragma once
#include "tables/stacks.h"

struct hp_stacks_copy_entry {
	struct hp_counts counts;
	const uint64_t *frames; /* NULL: the sum of stacks that were folded */
	size_t n_frames;
	uint32_t hash;
	uint32_t key; /* see hp_stacks_key() */
};

struct hp_stacks_copy {
	struct hp_stacks_copy_entry *entries;
	size_t n_entries;
	size_t n_missing; /* records that are not in the copy, because a thread was stopped for good
			     while it folded or counted them */
	size_t n_stacks;
	size_t mapped_bytes;
};

/* Makes a copy. Other threads go on counting, and never wait: what they counted before is in the
 * copy; what they count meanwhile may be. Returns false if there is no memory; then there is
 * nothing to release. */
bool hp_stacks_copy(struct hp_stacks_copy *out);
void hp_stacks_release(struct hp_stacks_copy *copy);

/* Adds up the entries of each stack and key, which every stripe has counted for itself. Entries
 * that stay keep their order. `places` is a hash table of zeroes that has more places than there
 * are entries. Returns the number of entries that stay. */
size_t hp_stacks_merge(struct hp_stacks_copy_entry *entries, size_t n, uint32_t *places,
		       size_t n_places);
