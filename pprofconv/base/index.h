/* SPDX-License-Identifier: MIT */
/* An index is a hash table that finds the number of an item by the item's hash. Tables that store
 * equal items only once use an index to find an item. An index holds only hashes and numbers; the
 * caller compares the items. All zeroes is an empty index. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct index_slot {
	uint32_t hash;
	uint32_t id; /* number + 1; 0: free */
};

struct index {
	struct index_slot *slots;
	size_t n_slots; /* a power of 2, or 0 */
	size_t n_used;
};

/* A walk over the numbers that were added under one hash:
 *
 *	struct index_walk walk = index_walk(&index, hash);
 *	while (index_next(&walk, &id))
 *		if (things[id] is the one)
 *			return id;
 */
struct index_walk {
	const struct index *index;
	size_t at;
	uint32_t hash;
};

/* Adds the number `id` under `hash`, which may have other numbers already. Returns 0; or returns
 * -ENOMEM and adds nothing. */
int index_insert(struct index *index, uint64_t hash, uint32_t id);

/* Frees the slots and leaves an empty index. */
void index_deinit(struct index *index);

static inline struct index_walk index_walk(const struct index *index, uint64_t hash)
{
	return (struct index_walk){
		.index = index,
		.at = (uint32_t)hash,
		.hash = (uint32_t)hash,
	};
}

/* Sets *out_id to the next number and returns 1; returns 0 at the end. */
static inline int index_next(struct index_walk *walk, uint32_t *out_id)
{
	const struct index *index = walk->index;

	if (!index->n_slots)
		return 0;
	for (;;) {
		const struct index_slot *slot = &index->slots[walk->at++ & (index->n_slots - 1)];

		if (!slot->id)
			return 0;
		if (slot->hash == walk->hash) {
			*out_id = slot->id - 1;
			return 1;
		}
	}
}
