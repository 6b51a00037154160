/* SPDX-License-Identifier: MIT */
#include "base/index.h"

#include "test.h"

enum {
	N_IDS = 10000
};

/* Returns how many numbers are entered under the hash, and adds them up in *out_sum. */
static size_t count(const struct index *index, uint64_t hash, uint64_t *out_sum)
{
	struct index_walk walk = index_walk(index, hash);
	uint32_t id;
	size_t n = 0;

	for (; index_next(&walk, &id); n++)
		*out_sum += id;
	return n;
}

static void test_an_empty_one_holds_nothing(void)
{
	struct index index = {0};
	uint64_t sum = 0;

	CHECK_UINT_EQ(count(&index, 0, &sum), 0);
	index_deinit(&index);
	CHECK_INT_EQ(index_insert(&index, 7, 0), 0);
	CHECK_UINT_EQ(count(&index, 7, &sum), 1);
	index_deinit(&index);
	CHECK_UINT_EQ(count(&index, 7, &sum), 0);
}

static void test_each_number_is_found_under_its_hash(void)
{
	struct index index = {0};

	for (uint32_t id = 0; id < N_IDS; id++)
		CHECK_INT_EQ(index_insert(&index, id * UINT64_C(2654435761), id), 0);
	for (uint32_t id = 0; id < N_IDS; id++) {
		uint64_t sum = 0;

		CHECK_UINT_EQ(count(&index, id * UINT64_C(2654435761), &sum), 1);
		CHECK_UINT_EQ(sum, id);
	}
	index_deinit(&index);
}

/* The index does not compare keys: all numbers under a hash are candidates, and the caller
 * compares. */
static void test_many_numbers_under_one_hash(void)
{
	struct index index = {0};
	uint64_t sum = 0;

	for (uint32_t id = 1; id <= 100; id++)
		/* The numbers begin at the last slot and wrap around. */
		CHECK_INT_EQ(index_insert(&index, UINT32_MAX, id), 0);
	CHECK_INT_EQ(index_insert(&index, 0, 1000), 0);
	CHECK_UINT_EQ(count(&index, UINT32_MAX, &sum), 100);
	CHECK_UINT_EQ(sum, 5050);
	sum = 0;
	CHECK_UINT_EQ(count(&index, 0, &sum), 1);
	CHECK_UINT_EQ(sum, 1000);
	index_deinit(&index);
}

TEST_MAIN(TEST(test_an_empty_one_holds_nothing), TEST(test_each_number_is_found_under_its_hash),
	  TEST(test_many_numbers_under_one_hash))
