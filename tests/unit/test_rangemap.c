/* SPDX-License-Identifier: MIT */
#include "symbolize/rangemap.h"

#include "test.h"

#define N_ADDRESSES 64

static void test_empty(void)
{
	struct rangemap map = {0};

	CHECK_INT_EQ(rangemap_build(&map), 0);
	CHECK_UINT_EQ(rangemap_find(&map, 0), RANGEMAP_NONE);
	rangemap_deinit(&map);
}

static void test_nested(void)
{
	struct rangemap map = {0};

	rangemap_add(&map, 20, 30, 2, 3);
	rangemap_add(&map, 10, 40, 1, 2);
	rangemap_add(&map, 0, 50, 0, 1);
	rangemap_add(&map, 60, 70, 0, 4);
	CHECK_INT_EQ(rangemap_build(&map), 0);
	CHECK_UINT_EQ(rangemap_find(&map, 9), 1);
	CHECK_UINT_EQ(rangemap_find(&map, 10), 2);
	CHECK_UINT_EQ(rangemap_find(&map, 29), 3);
	CHECK_UINT_EQ(rangemap_find(&map, 30), 2);
	CHECK_UINT_EQ(rangemap_find(&map, 49), 1);
	CHECK_UINT_EQ(rangemap_find(&map, 50), RANGEMAP_NONE);
	CHECK_UINT_EQ(rangemap_find(&map, 69), 4);
	CHECK_UINT_EQ(rangemap_find(&map, UINT64_MAX), RANGEMAP_NONE);
	rangemap_deinit(&map);
}

static void test_same_bounds(void)
{
	struct rangemap map = {0};

	rangemap_add(&map, 0, 10, 1, 8);
	rangemap_add(&map, 0, 10, 2, 7);
	rangemap_add(&map, 0, 10, 0, 9);
	CHECK_INT_EQ(rangemap_build(&map), 0);
	CHECK_UINT_EQ(rangemap_find(&map, 5), 7);
	rangemap_deinit(&map);
}

static void test_crossing(void)
{
	struct rangemap map = {0};

	rangemap_add(&map, 0, 10, 0, 1);
	rangemap_add(&map, 5, 15, 0, 2);
	CHECK_INT_EQ(rangemap_build(&map), 0);
	CHECK_UINT_EQ(rangemap_find(&map, 4), 1);
	CHECK_UINT_EQ(rangemap_find(&map, 5), 2);
	CHECK_UINT_EQ(rangemap_find(&map, 14), 2);
	CHECK_UINT_EQ(rangemap_find(&map, 15), RANGEMAP_NONE);
	rangemap_deinit(&map);
}

static void test_no_ranges_at_all(void)
{
	struct rangemap map = {0};

	rangemap_add(&map, 10, 10, 0, 1);
	rangemap_add(&map, 20, 10, 0, 2);
	CHECK_INT_EQ(rangemap_build(&map), 0);
	CHECK_UINT_EQ(rangemap_find(&map, 10), RANGEMAP_NONE);
	CHECK_UINT_EQ(rangemap_find(&map, 15), RANGEMAP_NONE);
	rangemap_deinit(&map);
}

/* Adds ranges that are nested at random within [low, high). Stores in `expected`, for each address,
 * the id of the innermost range. */
static void nest(struct rangemap *map, uint32_t *expected, uint64_t low, uint64_t high,
		 uint32_t depth, uint32_t *next_id)
{
	uint32_t id = (*next_id)++;

	if (low >= high || depth > 6)
		return;
	rangemap_add(map, low, high, depth, id);
	for (uint64_t at = low; at < high; at++)
		expected[at] = id;
	while (low < high) {
		uint64_t from = low + (uint64_t)random() % (high - low);
		uint64_t to = from + (uint64_t)random() % (high - from + 1);

		nest(map, expected, from, to, depth + 1, next_id);
		low = to + 1;
	}
}

static void test_against_plain_table(void)
{
	for (unsigned seed = 0; seed < 2000; seed++) {
		struct rangemap map = {0};
		uint32_t expected[N_ADDRESSES], next_id = 0;

		srandom(seed);
		memset(expected, 0xff, sizeof(expected));
		nest(&map, expected, 3, N_ADDRESSES - 3, 0, &next_id);
		CHECK_INT_EQ(rangemap_build(&map), 0);
		for (uint64_t at = 0; at < N_ADDRESSES; at++)
			CHECK_UINT_EQ(rangemap_find(&map, at), expected[at]);
		rangemap_deinit(&map);
	}
}

TEST_MAIN(TEST(test_empty), TEST(test_nested), TEST(test_same_bounds), TEST(test_crossing),
	  TEST(test_no_ranges_at_all), TEST(test_against_plain_table))
