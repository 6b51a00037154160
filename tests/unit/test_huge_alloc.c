/* SPDX-License-Identifier: MIT */
#include "base/huge_alloc.h"

#include <stdlib.h>

#include "test.h"

#define LARGE ((size_t)3 << 20) /* larger than a huge page */

static void test_growing_keeps_what_was_used(void)
{
	unsigned char *memory = huge_alloc_realloc(NULL, 0, 1000), *grown;

	CHECK(memory);
	memset(memory, 7, 1000);
	for (size_t size = 2000; memory && size < 4 * LARGE; size *= 10) {
		grown = huge_alloc_realloc(memory, 1000, size);
		CHECK(grown);
		memory = grown ? grown : memory;
		for (size_t i = 0; i < 1000; i++)
			CHECK_UINT_EQ(memory[i], 7);
		memory[size - 1] = 1;
	}
	free(memory);
}

static void test_new_tables_are_zeroed(void)
{
	for (size_t n = 1000; n <= LARGE; n = n == 1000 ? LARGE : n + 1) {
		unsigned char *dirty = huge_alloc_realloc(NULL, 0, n), *memory;

		CHECK(dirty);
		memset(dirty, 0xff, n);
		free(dirty); /* the next allocation may reuse it */
		memory = huge_alloc_calloc(n / 4, 4);
		CHECK(memory);
		for (size_t i = 0; i < n / 4 * 4; i++)
			if (memory[i])
				CHECK_UINT_EQ(memory[i], 0);
		free(memory);
	}
}

static void test_sizes_that_do_not_exist(void)
{
	char *memory = huge_alloc_realloc(NULL, 0, 10);

	CHECK(memory);
	CHECK(!huge_alloc_calloc(SIZE_MAX / 2, 3));
	CHECK(!huge_alloc_calloc(SIZE_MAX, 1));
	memory[0] = 5;
	CHECK(!huge_alloc_realloc(memory, 10, SIZE_MAX));
	CHECK(!huge_alloc_realloc(memory, 10, SIZE_MAX / 2));
	CHECK_INT_EQ(memory[0], 5);
	free(memory);
}

TEST_MAIN(TEST(test_growing_keeps_what_was_used), TEST(test_new_tables_are_zeroed),
	  TEST(test_sizes_that_do_not_exist))
