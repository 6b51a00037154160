/* SPDX-License-Identifier: MIT */
/* hash_mix() and hash_bytes() hash the keys of tables in memory. The values differ from run to run,
 * so that no input can be made to collide; nothing that is written may depend on them. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

extern uint64_t hash_seed_value; /* 0: not drawn yet */
void hash_draw_seed(void);

/* Returns a random number that is drawn once per process. */
static inline uint64_t hash_seed(void)
{
	if (!hash_seed_value)
		hash_draw_seed();
	return hash_seed_value;
}

/* Mixes two words by a 128-bit product, so that every bit of the result depends on every bit of
 * both. A factor of 0 would lose the other word; the seed keeps secret which word makes a factor 0.
 * So no caller needs a seed of its own, and none may pass the seed as a word, which would cancel
 * it. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	__uint128_t product =
		(__uint128_t)(a ^ 0x9e3779b97f4a7c15) * (b ^ hash_seed() ^ 0xd6e8feb86659fd93);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Returns the hash of `size` bytes. `hash` is the hash of what comes before them, or 0. */
static inline uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *bytes = data;
	uint64_t word;

	hash = hash_mix(hash, size);
	for (; size >= sizeof(word); bytes += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		hash = hash_mix(hash, word);
	}
	if (size) {
		word = 0;
		memcpy(&word, bytes, size);
		hash = hash_mix(hash, word);
	}
	return hash;
}
