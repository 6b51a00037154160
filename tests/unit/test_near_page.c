/* SPDX-License-Identifier: MIT */
/* Gaps between mappings that are read from a text. */
#include "inject/entry_patch.h"
#include "inject/near_page.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>

static struct hp_target t;

static void read_maps(const char *maps)
{
	t.message[0] = '\0';
	CHECK_INT_EQ(hp_target_parse_maps(&t, strdup(maps), strlen(maps)), 0);
}

static uint64_t gap(uint64_t address)
{
	return hp_near_page_gap(&t, &address, 1);
}

static void test_below_a_library(void)
{
	read_maps("7f0000000000-7f0000100000 r-xp 00000000 00:00 1 /lib\n"
		  "7ffff0000000-7ffff0021000 rw-p 00000000 00:00 0 [stack]\n");
	CHECK_UINT_EQ(gap(0x7f0000001000), 0x7f0000000000 - 4096 - HP_NEAR_PAGE_SIZE);
}

static void test_between_libraries(void)
{
	read_maps("700000000000-7effc0000000 rw-p 00000000 00:00 0\n"
		  "7effc0000000-7f0000000000 rw-p 00000000 00:00 0\n"
		  "7f0000000000-7f0000100000 r-xp 00000000 00:00 1 /lib\n"
		  "7f0000200000-7f0400000000 rw-p 00000000 00:00 0\n");
	CHECK_UINT_EQ(gap(0x7f0000001000), 0x7f0000200000 - 4096 - HP_NEAR_PAGE_SIZE);
}

/* The page must be near to all addresses. */
static void test_two_addresses(void)
{
	const uint64_t addresses[] = {0x7f0000001000, 0x7f0000001000 + HP_ENTRY_NEAR};
	const uint64_t too_far[] = {0x7f0000001000, 0x7f0000001000 + 3 * (uint64_t)HP_ENTRY_NEAR};
	uint64_t page;

	read_maps("7f0000000000-7f0000100000 r-xp 00000000 00:00 1 /lib\n"
		  "7f0040000000-7f0040100000 r-xp 00000000 00:00 2 /other\n"
		  "7f00c0000000-7f00c0100000 r-xp 00000000 00:00 3 /third\n");
	page = hp_near_page_gap(&t, addresses, 2);
	CHECK(page >= addresses[1] - HP_ENTRY_NEAR &&
	      page + HP_NEAR_PAGE_SIZE <= addresses[0] + HP_ENTRY_NEAR);
	CHECK_UINT_EQ(hp_near_page_gap(&t, too_far, 2), 0);
}

static void test_no_gap(void)
{
	read_maps("700000000000-7f0000000000 rw-p 00000000 00:00 0\n"
		  "7f0000000000-7f0000100000 r-xp 00000000 00:00 1 /lib\n"
		  "7f0000100000-7f0400000000 rw-p 00000000 00:00 0\n");
	CHECK_UINT_EQ(gap(0x7f0000001000), 0);
	CHECK_INT_EQ(hp_near_page_no_gap(&t), HP_TARGET_E);
	CHECK_STR_EQ(t.message, "less than 16 KiB are free within 1 GiB of its allocator; start it "
				"by heapprof run instead");
}

/* The heap grows up, the first stack grows down. */
static void test_not_next_to_the_heap_or_the_stack(void)
{
	uint64_t page;

	read_maps("10000-400000 rw-p 00000000 00:00 0\n"
		  "400000-500000 r-xp 00000000 00:00 1 /program\n"
		  "500000-600000 rw-p 00000000 00:00 0 [heap]\n"
		  "7ffff0000000-7ffff0021000 rw-p 00000000 00:00 0 [stack]\n");
	page = gap(0x401000);
	CHECK(page == 0 || page > 0x600000 + HP_ENTRY_NEAR / 4);
	read_maps("7f0000000000-7fff90000000 rw-p 00000000 00:00 0\n"
		  "7fff90000000-7fff90100000 r-xp 00000000 00:00 1 /lib\n"
		  "7fff90200000-7fff90300000 rw-p 00000000 00:00 0 [stack]\n");
	CHECK_UINT_EQ(gap(0x7fff90001000), 0);
}

static void test_refusals_of_the_kernel(void)
{
	read_maps("");
	CHECK_INT_EQ(hp_near_page_explain(&t, -13), HP_TARGET_E);
	CHECK_STR_EQ(t.message,
		     "no code can be mapped in it but that of files: SELinux's execmem forbids "
		     "it; start it by heapprof run instead");
}

TEST_MAIN(TEST(test_below_a_library), TEST(test_between_libraries), TEST(test_two_addresses),
	  TEST(test_no_gap), TEST(test_not_next_to_the_heap_or_the_stack),
	  TEST(test_refusals_of_the_kernel))
