/* SPDX-License-Identifier: MIT */
/* A hash depends on a seed: without it nobody can make inputs collide. */
#include "base/hash.h"
#include "base/number_map.h"

#include "test.h"

enum {
	N = 1000
};

/* Hashes blocks of two words. The first words differ; the second is always `word`, which must not
 * make the hash lose the first. */
static void check_remembered(uint64_t word)
{
	uint64_t hashes[N];

	for (uint64_t i = 0; i < N; i++)
		hashes[i] = hash_bytes(0, (uint64_t[]){i, word}, 16);
	for (int i = 1; i < N; i++)
		CHECK(hashes[i] != hashes[0]);
}

static void test_no_word_forgets_what_came_before(void)
{
	check_remembered(0);
	check_remembered(UINT64_MAX);
	check_remembered(0x9e3779b97f4a7c15);
	check_remembered(0xd6e8feb86659fd93);
}

/* Mixes first words that a reader of hash.h may try, with second words that differ: the second
 * words must not be lost either. */
static void test_no_word_hides_the_next(void)
{
	static const uint64_t words[] = {0, UINT64_MAX, 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93};

	for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
		for (uint64_t i = 1; i < N; i++)
			CHECK(hash_mix(words[w], i) != hash_mix(words[w], 0));
}

static uint64_t places(const struct number_map *map)
{
	uint64_t sum = 0;

	for (uint64_t key = 0; key < N; key++)
		sum = sum * 31 + number_map_start(map, key);
	return sum;
}

static void test_all_hangs_on_the_seed(void)
{
	const struct number_map map = {.n_slots = 1024};
	uint64_t bytes, numbers;

	hash_seed_value = 1;
	bytes = hash_bytes(0, "abc", 3);
	numbers = places(&map);
	hash_seed_value = 3;
	CHECK(hash_bytes(0, "abc", 3) != bytes);
	CHECK(places(&map) != numbers);
}

TEST_MAIN(TEST(test_no_word_forgets_what_came_before), TEST(test_no_word_hides_the_next),
	  TEST(test_all_hangs_on_the_seed))
