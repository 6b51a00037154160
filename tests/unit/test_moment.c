/* SPDX-License-Identifier: MIT */
#include "analysis/moment.h"
#include "test.h"

#define DUMPS_MAX 100

static struct moment_dump dumps[DUMPS_MAX];

static size_t chosen(enum moment moment, size_t n)
{
	size_t found = SIZE_MAX;

	CHECK_INT_EQ(moment_choose(moment, dumps, n, &found), 0);
	CHECK(found < n);
	return found;
}

/* Fills `dumps` with a series of `n` in which the memory in use swings between 70 and 100, and is 0
 * in the last `n_freed` dumps. The last dump is the one at exit. */
static void fill(size_t n, size_t n_freed)
{
	for (size_t i = 0; i < n; i++)
		dumps[i] = (struct moment_dump){
			.inuse = i + n_freed < n ? (double)(70 + i * 7 % 31) : 0,
			.is_exit = i == n - 1,
		};
}

static void test_names(void)
{
	enum moment moment;

	CHECK(moment_parse("level", &moment) && moment == MOMENT_LEVEL);
	CHECK(moment_parse("last-interval", &moment) && moment == MOMENT_LAST_INTERVAL);
	CHECK(moment_parse("exit", &moment) && moment == MOMENT_EXIT);
	CHECK(moment_parse("peak", &moment) && moment == MOMENT_PEAK);
	CHECK(!moment_parse("", &moment) && !moment_parse("peaks", &moment));
}

/* Of the 40 dumps in the later half, two have more in use than the level. */
static void test_level(void)
{
	double level;
	size_t n_more = 0;

	fill(80, 3);
	dumps[10].inuse = 500; /* at start */
	dumps[60].inuse = 400; /* a rare peak */
	level = dumps[chosen(MOMENT_LEVEL, 80)].inuse;
	for (size_t i = 39; i < 79; i++)
		n_more += dumps[i].inuse > level;
	CHECK_UINT_EQ(n_more, 2);
	CHECK(chosen(MOMENT_LEVEL, 80) >= 39);
}

static void test_level_of_few(void)
{
	fill(38, 1);
	dumps[30].inuse = 101;
	CHECK_UINT_EQ(chosen(MOMENT_LEVEL, 38), 30);
	dumps[0] = (struct moment_dump){.inuse = 5};
	dumps[1] = (struct moment_dump){.inuse = 0, .is_exit = true};
	CHECK_UINT_EQ(chosen(MOMENT_LEVEL, 1), 0);
	CHECK_UINT_EQ(chosen(MOMENT_LEVEL, 2), 0);
	dumps[2] = dumps[1];
	dumps[1] = (struct moment_dump){.inuse = 6};
	CHECK_UINT_EQ(chosen(MOMENT_LEVEL, 3), 1);
}

/* If the dump at exit has the most in use, it is the level. If the series has no dump at exit, the
 * usual rule applies, even if the last dump has the most in use. */
static void test_level_of_what_grows(void)
{
	for (size_t i = 0; i < 50; i++)
		dumps[i] = (struct moment_dump){.inuse = (double)i, .is_exit = i == 49};
	CHECK_UINT_EQ(chosen(MOMENT_LEVEL, 50), 49);
	dumps[49].is_exit = false;
	CHECK_UINT_EQ(chosen(MOMENT_LEVEL, 50), 48); /* the second largest of the last 25 */
}

static void test_other_moments(void)
{
	fill(50, 3);
	dumps[7].inuse = 300;
	CHECK_UINT_EQ(chosen(MOMENT_PEAK, 50), 7);
	CHECK_UINT_EQ(chosen(MOMENT_EXIT, 50), 49);
	CHECK_UINT_EQ(chosen(MOMENT_LAST_INTERVAL, 50), 48);
	dumps[49].is_exit = false;
	CHECK_UINT_EQ(chosen(MOMENT_LAST_INTERVAL, 50), 49);
	dumps[0].is_exit = true;
	CHECK_UINT_EQ(chosen(MOMENT_LAST_INTERVAL, 1), 0);
}

TEST_MAIN(TEST(test_names), TEST(test_level), TEST(test_level_of_few),
	  TEST(test_level_of_what_grows), TEST(test_other_moments))
