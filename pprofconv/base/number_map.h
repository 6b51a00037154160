/* SPDX-License-Identifier: MIT */
/* A number map maps 64-bit keys, such as addresses, to 32-bit values. All zeroes is an empty
 * map. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

#define NUMBER_MAP_NONE UINT32_MAX

struct number_map_slot {
	uint64_t key;
	uint32_t value;
	uint32_t is_used;
};

struct number_map {
	struct number_map_slot *slots;
	size_t n_slots; /* a power of 2, or 0 */
	size_t n_used;
};

/* Adds a key, which must not be in the map yet. Returns 0; or returns -ENOMEM and adds nothing. */
int number_map_insert(struct number_map *map, uint64_t key, uint32_t value);

/* Frees the slots and leaves an empty map. */
void number_map_deinit(struct number_map *map);

static inline size_t number_map_start(const struct number_map *map, uint64_t key)
{
	return hash_mix(key, 0) & (map->n_slots - 1);
}

/* Returns the value of the key, or NUMBER_MAP_NONE if the map does not have the key. */
static inline uint32_t number_map_find(const struct number_map *map, uint64_t key)
{
	if (!map->n_slots)
		return NUMBER_MAP_NONE;
	for (size_t at = number_map_start(map, key);; at = (at + 1) & (map->n_slots - 1)) {
		const struct number_map_slot *slot = &map->slots[at];

		if (!slot->is_used)
			return NUMBER_MAP_NONE;
		if (slot->key == key)
			return slot->value;
	}
}

/* Prefetches the slot that number_map_find() will look at first. In a large map every look-up is a
 * cache miss; if several keys are known in advance, prefetching their slots lets the misses
 * overlap. */
static inline void number_map_prefetch(const struct number_map *map, uint64_t key)
{
	if (map->n_slots)
		__builtin_prefetch(&map->slots[number_map_start(map, key)]);
}
