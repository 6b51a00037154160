/* SPDX-License-Identifier: MIT */
#include "base/memory.h"
#include "test.h"
#include <sys/mman.h>

#define MIB ((size_t)1 << 20)

static void test_pages_are_zeroed_and_counted(void)
{
	size_t before = hp_memory_mapped();
	char *p = hp_memory_map(MIB);

	CHECK(p && p[0] == 0 && p[MIB - 1] == 0);
	CHECK_UINT_EQ(hp_memory_mapped() - before, MIB);
	p[0] = p[MIB - 1] = 1;
	hp_memory_unmap(p, MIB);
	CHECK_UINT_EQ(hp_memory_mapped(), before);
	CHECK_INT_EQ(msync(p, MIB, MS_ASYNC), -1); /* nothing is mapped there any more */
	hp_memory_unmap(NULL, MIB);
	CHECK_UINT_EQ(hp_memory_mapped(), before);
}

static void test_a_limit(void)
{
	size_t limit = hp_memory_limit();
	char *p, *beyond;

	hp_memory_set_limit(hp_memory_mapped() + MIB);
	CHECK_UINT_EQ(hp_memory_limit(), hp_memory_mapped() + MIB);
	p = hp_memory_map(MIB); /* all that the limit allows */
	CHECK(p);
	CHECK(!hp_memory_map(4096));
	beyond = hp_memory_map_beyond_limit(MIB);
	CHECK(beyond);
	hp_memory_unmap(p, MIB);
	CHECK(!hp_memory_map(4096)); /* memory beyond the limit counts as well */
	hp_memory_unmap(beyond, MIB);
	p = hp_memory_map(MIB);
	CHECK(p);
	hp_memory_unmap(p, MIB);
	hp_memory_set_limit(limit);
}

static void test_what_the_kernel_does_not_have(void)
{
	size_t before = hp_memory_mapped();

	CHECK(!hp_memory_map_beyond_limit((size_t)1 << 60));
	CHECK_UINT_EQ(hp_memory_mapped(), before);
}

static bool is_listed(const void *p, size_t size)
{
	const struct hp_view_row *row = &hp_memory_view[1];
	const uintptr_t *ranges = row->address;

	for (uint32_t i = 0; i < row->count; i++)
		if (ranges[2 * i] == (uintptr_t)p && ranges[2 * i + 1] == (uintptr_t)p + size)
			return true;
	return false;
}

static void test_tools_see_where_it_is(void)
{
	char *p = hp_memory_map(MIB), *other = hp_memory_map(4096);

	CHECK(is_listed(p, MIB) && is_listed(other, 4096));
	hp_memory_unmap(p, MIB);
	CHECK(!is_listed(p, MIB) && is_listed(other, 4096));
	hp_memory_unmap(other, 4096);
	CHECK(!is_listed(other, 4096));
}

TEST_MAIN(TEST(test_pages_are_zeroed_and_counted), TEST(test_a_limit),
	  TEST(test_what_the_kernel_does_not_have), TEST(test_tools_see_where_it_is))
