/* SPDX-License-Identifier: MIT */
/* Hashing for tables in memory. The values differ from run to run, so that no input can be made
 * to collide; nothing that is written may depend on them. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

extern uint64_t hash_seed_value; /* 0: not drawn yet */
void hash_draw_seed(void);

/* A number drawn once a process. */
static inline uint64_t hash_seed(void)
{
	if (!hash_seed_value)
		hash_draw_seed();
	return hash_seed_value;
}

/* Mixes two words by a 128-bit product, so that every bit of the result hangs on all of both. A
 * factor of 0 would forget the other one: which word makes it so is nobody's to know. So nothing
 * that is hashed by this needs a seed of its own; the seed itself as a word would undo it. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	__uint128_t product =
		(__uint128_t)(a ^ 0x9e3779b97f4a7c15) * (b ^ hash_seed() ^ 0xd6e8feb86659fd93);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* `hash` is that of what comes before, or 0. */
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
