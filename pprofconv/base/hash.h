/* SPDX-License-Identifier: MIT */
/* hash_mix() and hash_bytes() hash the keys of tables in memory. The values differ from run to run,
 * so that nobody can construct an input whose keys collide. Nothing that is written to a file may
 * depend on them. */
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
 * both. If a factor is 0, the result does not depend on the other word; the seed keeps secret which
 * `a` and which `b` make their factors 0. So callers need no seed of their own. They must not pass
 * the seed as a word, because as `b` it would cancel itself. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	uint64_t seed = hash_seed();
	uint64_t rotated = seed << 32 | seed >> 32;
	__uint128_t product =
		(__uint128_t)(a ^ rotated ^ 0x9e3779b97f4a7c15) * (b ^ seed ^ 0xd6e8feb86659fd93);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Returns the hash of `size` bytes. `hash` is the hash of the bytes before them, or 0 if there are
 * none. */
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
