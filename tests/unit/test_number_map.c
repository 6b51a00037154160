/* SPDX-License-Identifier: MIT */
#include "base/number_map.h"

#include "test.h"

static void test_nothing_is_found_in_an_empty_map(void)
{
	struct number_map map = {0};

	number_map_prefetch(&map, 0);
	CHECK_UINT_EQ(number_map_find(&map, 0), NUMBER_MAP_NONE);
	number_map_deinit(&map);
}

static void test_any_number_is_a_key(void)
{
	static const uint64_t keys[] = {0, 1, UINT64_MAX, UINT64_C(1) << 63, 0x7ffff7a00000};
	struct number_map map = {0};

	for (uint32_t i = 0; i < 5; i++) {
		CHECK_UINT_EQ(number_map_find(&map, keys[i]), NUMBER_MAP_NONE);
		CHECK_INT_EQ(number_map_insert(&map, keys[i], i), 0);
	}
	for (uint32_t i = 0; i < 5; i++)
		CHECK_UINT_EQ(number_map_find(&map, keys[i]), i);
	number_map_deinit(&map);
}

static void test_growing_loses_nothing(void)
{
	struct number_map map = {0};

	for (uint32_t i = 0; i < 100000; i++)
		CHECK_INT_EQ(number_map_insert(&map, (uint64_t)i << 20, i), 0);
	for (uint32_t i = 0; i < 100000; i++)
		CHECK_UINT_EQ(number_map_find(&map, (uint64_t)i << 20), i);
	CHECK_UINT_EQ(number_map_find(&map, 1), NUMBER_MAP_NONE);
	number_map_deinit(&map);
}

TEST_MAIN(TEST(test_nothing_is_found_in_an_empty_map), TEST(test_any_number_is_a_key),
	  TEST(test_growing_loses_nothing))
