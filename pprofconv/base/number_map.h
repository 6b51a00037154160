/* SPDX-License-Identifier: MIT */
/* A number map maps 64-bit numbers, such as addresses, to small ones. All zeroes is an empty
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

/* Enters a key that is not there yet. Returns 0, or -ENOMEM with nothing entered. */
int number_map_insert(struct number_map *map, uint64_t key, uint32_t value);

/* Frees the slots and leaves an empty map. */
void number_map_deinit(struct number_map *map);

static inline size_t number_map_start(const struct number_map *map, uint64_t key)
{
	return hash_mix(key, 0) & (map->n_slots - 1);
}

/* Returns the value of the key, or NUMBER_MAP_NONE. */
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

/* Prefetches the slot that number_map_find() will look at. A large map costs a cache miss for each
 * key, and the misses of keys that are known beforehand can overlap. */
static inline void number_map_prefetch(const struct number_map *map, uint64_t key)
{
	if (map->n_slots)
		__builtin_prefetch(&map->slots[number_map_start(map, key)]);
}
