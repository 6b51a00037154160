/* SPDX-License-Identifier: MIT */
/* The table uses open addressing with linear probing, and is at most half full. */
#include "base/number_map.h"

#include <errno.h>
#include <stdlib.h>

#include "base/huge_alloc.h"

#define SLOTS_MIN 64

static void place_key(struct number_map *map, struct number_map_slot slot)
{
	size_t at = number_map_start(map, slot.key);

	while (map->slots[at].is_used)
		at = (at + 1) & (map->n_slots - 1);
	map->slots[at] = slot;
}

static int grow_map(struct number_map *map)
{
	struct number_map grown = {
		.n_slots = map->n_slots ? map->n_slots * 2 : SLOTS_MIN,
		.n_used = map->n_used,
	};

	grown.slots = huge_alloc_calloc(grown.n_slots, sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (size_t i = 0; i < map->n_slots; i++)
		if (map->slots[i].is_used)
			place_key(&grown, map->slots[i]);
	free(map->slots);
	*map = grown;
	return 0;
}

int number_map_insert(struct number_map *map, uint64_t key, uint32_t value)
{
	if (map->n_used >= map->n_slots / 2 && grow_map(map) < 0)
		return -ENOMEM;
	place_key(map, (struct number_map_slot){.key = key, .value = value, .is_used = 1});
	map->n_used++;
	return 0;
}

void number_map_deinit(struct number_map *map)
{
	free(map->slots);
	*map = (struct number_map){0};
}
