/* SPDX-License-Identifier: MIT */
/* The table uses open addressing with linear probing, and is at most half full. */
#include "base/index.h"

#include <errno.h>
#include <stdlib.h>

#include "base/huge_alloc.h"

#define SLOTS_MIN 64

static void place_id(struct index *index, struct index_slot slot)
{
	size_t at = slot.hash;

	while (index->slots[at & (index->n_slots - 1)].id)
		at++;
	index->slots[at & (index->n_slots - 1)] = slot;
}

static int grow_index(struct index *index)
{
	struct index grown = {
		.n_slots = index->n_slots ? index->n_slots * 2 : SLOTS_MIN,
		.n_used = index->n_used,
	};

	grown.slots = huge_alloc_calloc(grown.n_slots, sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (size_t i = 0; i < index->n_slots; i++)
		if (index->slots[i].id)
			place_id(&grown, index->slots[i]);
	free(index->slots);
	*index = grown;
	return 0;
}

int index_insert(struct index *index, uint64_t hash, uint32_t id)
{
	if (index->n_used >= index->n_slots / 2 && grow_index(index) < 0)
		return -ENOMEM;
	place_id(index, (struct index_slot){.hash = (uint32_t)hash, .id = id + 1});
	index->n_used++;
	return 0;
}

void index_deinit(struct index *index)
{
	free(index->slots);
	*index = (struct index){0};
}
