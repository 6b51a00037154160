/* SPDX-License-Identifier: MIT */
/* Compares the table of address space with a plain array of pages. */
#include "tables/spaces.h"
#include "test.h"
#include <string.h>

enum {
	PAGE = 4096,
	N_PAGES = 100,
	N_STEPS = 20000
};

#define BASE ((uintptr_t)0x7f0000000000)

static void set(size_t page, size_t n, enum hp_space kind)
{
	CHECK(hp_spaces_set(BASE + page * PAGE, n * PAGE, kind));
}

/* Turns the pages of the range that are `from` into `to`. Returns how many pages were turned. */
static size_t turn(size_t page, size_t n, enum hp_space from, enum hp_space to)
{
	struct hp_space_range range;
	size_t turned = 0;

	while (hp_spaces_turn(BASE + page * PAGE, n * PAGE, from, to, &range)) {
		CHECK(range.kind == from);
		turned += range.end - range.start;
	}
	return turned / PAGE;
}

static size_t reserved(void)
{
	return hp_spaces_reserved_bytes() / PAGE;
}

static void test_reserved_and_used(void)
{
	hp_spaces_reset();
	CHECK(hp_spaces_is_empty());
	set(10, 20, HP_SPACE_RESERVED);
	CHECK(!hp_spaces_is_empty());
	CHECK_UINT_EQ(reserved(), 20);
	CHECK_UINT_EQ(turn(5, 10, HP_SPACE_RESERVED, HP_SPACE_USABLE), 5);
	CHECK_UINT_EQ(turn(5, 10, HP_SPACE_RESERVED, HP_SPACE_USABLE), 0);
	CHECK_UINT_EQ(turn(20, 2, HP_SPACE_RESERVED, HP_SPACE_USABLE), 2);
	CHECK_UINT_EQ(turn(0, 100, HP_SPACE_RESERVED, HP_SPACE_USABLE), 13); /* in two parts */
	CHECK_UINT_EQ(reserved(), 0);
	CHECK_UINT_EQ(turn(12, 3, HP_SPACE_USABLE, HP_SPACE_RESERVED), 3);
	CHECK_UINT_EQ(turn(12, 1, HP_SPACE_RESERVED, HP_SPACE_USABLE), 1); /* back again */
	CHECK_UINT_EQ(reserved(), 2);
	CHECK(hp_spaces_at(BASE + 12 * PAGE) == HP_SPACE_USABLE);
	CHECK(hp_spaces_at(BASE + 14 * PAGE + 1) == HP_SPACE_RESERVED);
	CHECK(hp_spaces_at(BASE + 30 * PAGE) == HP_SPACE_UNKNOWN);
}

/* Memory that is unknown, or not the program's own, is neither reserved nor usable. */
static void test_unknown(void)
{
	hp_spaces_reset();
	CHECK_UINT_EQ(turn(0, 100, HP_SPACE_USABLE, HP_SPACE_RESERVED), 0);
	set(10, 1, HP_SPACE_RESERVED);
	set(20, 1, HP_SPACE_RESERVED);
	CHECK_UINT_EQ(turn(0, 100, HP_SPACE_RESERVED, HP_SPACE_USABLE), 2);
	set(0, 100, HP_SPACE_UNKNOWN);
	CHECK(hp_spaces_is_empty());
}

static struct hp_spaces_taken taken;

static void test_taken(void)
{
	hp_spaces_reset();
	set(10, 10, HP_SPACE_RESERVED);
	set(20, 10, HP_SPACE_USABLE);
	hp_spaces_take(BASE + 15 * PAGE, 10 * PAGE, &taken);
	CHECK_UINT_EQ(reserved(), 5);
	hp_spaces_put_back(&taken, BASE + 15 * PAGE, 10 * PAGE, BASE + 15 * PAGE);
	CHECK_UINT_EQ(reserved(), 10);
	CHECK_UINT_EQ(turn(0, 100, HP_SPACE_USABLE, HP_SPACE_RESERVED), 10);
}

static void test_moved_and_cut(void)
{
	hp_spaces_reset();
	set(10, 10, HP_SPACE_USABLE);
	set(20, 10, HP_SPACE_RESERVED);
	hp_spaces_take(BASE + 10 * PAGE, 20 * PAGE, &taken);
	CHECK(hp_spaces_is_empty());
	hp_spaces_put_back(&taken, BASE + 10 * PAGE, 14 * PAGE, BASE + 50 * PAGE);
	CHECK_UINT_EQ(reserved(), 4);
	CHECK(hp_spaces_at(BASE + 59 * PAGE) == HP_SPACE_USABLE);
	CHECK(hp_spaces_at(BASE + 63 * PAGE) == HP_SPACE_RESERVED);
	CHECK(hp_spaces_at(BASE + 64 * PAGE) == HP_SPACE_UNKNOWN);
}

static uint64_t rng = 7;

static size_t random_below(size_t n)
{
	rng = rng * 6364136223846793005ull + 1442695040888963407ull;
	return (rng >> 33) % n;
}

static void test_random_ranges(void)
{
	static enum hp_space kinds[N_PAGES];

	hp_spaces_reset();
	for (int step = 0; step < N_STEPS; step++) {
		size_t page = random_below(N_PAGES), n = 1 + random_below(N_PAGES - page);
		enum hp_space to = random_below(3), from = 3 - to;
		size_t n_turned = 0, n_reserved = 0;

		if (to != HP_SPACE_UNKNOWN && random_below(2)) {
			for (size_t i = page; i < page + n; i++)
				if (kinds[i] == from) {
					kinds[i] = to;
					n_turned++;
				}
			CHECK_UINT_EQ(turn(page, n, from, to), n_turned);
		} else {
			for (size_t i = page; i < page + n; i++)
				kinds[i] = to;
			set(page, n, to);
		}
		for (size_t i = 0; i < N_PAGES; i++) {
			n_reserved += kinds[i] == HP_SPACE_RESERVED;
			CHECK(hp_spaces_at(BASE + i * PAGE) == kinds[i]);
		}
		CHECK_UINT_EQ(reserved(), n_reserved);
	}
}

/* The number of ranges is limited, whatever the program does. */
static void test_more_than_there_is_room_for(void)
{
	size_t n = 0;

	hp_spaces_reset();
	while (n < 1 << 20 && hp_spaces_set(BASE + 2 * n * PAGE, PAGE, HP_SPACE_RESERVED))
		n++;
	CHECK_UINT_EQ(n, 1 << 16);
	CHECK_UINT_EQ(reserved(), n);
	set(0, 1 << 20, HP_SPACE_UNKNOWN);
	CHECK(hp_spaces_is_empty());
	hp_spaces_reset();
}

TEST_MAIN(TEST(test_reserved_and_used), TEST(test_unknown), TEST(test_taken),
	  TEST(test_moved_and_cut), TEST(test_random_ranges),
	  TEST(test_more_than_there_is_room_for))
