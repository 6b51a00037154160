/* SPDX-License-Identifier: MIT */
#include "command/top/top_words.h"

#include "test.h"

/* 30 blocks of 4 KiB in 63 seconds, one after the other. */
static struct top_growth steady(void)
{
	struct top_growth growth = {
		.seconds = 63,
		.bytes = 30 * 4096,
		.blocks = 30,
		.size_low = 4096,
		.size_high = 4096,
		.seen = 30,
		.is_exact = true,
		.is_beyond_error = true,
		.n_points = 10,
		.room = -1,
	};

	for (size_t i = 0; i < growth.n_points; i++) {
		growth.times[i] = 7.0 * (double)i;
		growth.points[i] = growth.bytes * (double)i / 9;
	}
	return growth;
}

static void check_words(const struct top_growth *growth, const char *expected)
{
	char words[TOP_WORDS_MAX];

	top_words(growth, words);
	CHECK_STR_EQ(words, expected);
}

static void test_blocks_sizes_and_period(void)
{
	struct top_growth growth = steady();

	check_words(&growth, "30 blocks of 4.0 KiB, one every 2.1 s; at this rate 161 MiB a day");
	growth.size_high = 8192;
	check_words(&growth, "30 blocks of 4.0 KiB to 8.0 KiB, one every 2.1 s; at this rate "
			     "161 MiB a day");
	growth.blocks = growth.seen = 1;
	growth.size_low = growth.size_high = 122880;
	check_words(&growth, "1 block of 120 KiB; at this rate 161 MiB a day");
	growth.blocks = 6300;
	growth.size_low = growth.size_high = 0;
	check_words(&growth, "6300 blocks, 100 a second; at this rate 161 MiB a day");
	growth.blocks = 0;
	check_words(&growth, "120 KiB more, in no more blocks than before; at this rate 161 MiB a "
			     "day");
}

static void test_estimates_are_about(void)
{
	struct top_growth growth = steady();

	growth.is_exact = false;
	check_words(&growth,
		    "about 30 blocks of 4.0 KiB, one every 2.1 s; at this rate 161 MiB a day");
}

static void test_the_limit_is_a_time(void)
{
	struct top_growth growth = steady();

	growth.room = growth.bytes / 63 * 11400;
	check_words(&growth, "30 blocks of 4.0 KiB, one every 2.1 s; at this rate 161 MiB a day, "
			     "memory.max in 3 h 10 min");
	growth.room = growth.bytes / 63 * 86400 * 365 * 20;
	check_words(&growth, "30 blocks of 4.0 KiB, one every 2.1 s; at this rate 161 MiB a day");
}

static void test_growth_that_ended_has_no_outlook(void)
{
	struct top_growth growth = steady();

	growth.room = 1e6;
	for (size_t i = 4; i < growth.n_points; i++)
		growth.points[i] = growth.bytes;
	check_words(&growth, "30 blocks of 4.0 KiB, but none in the last 35 s");
	growth.seen = growth.blocks = 3; /* a lull of so few blocks may be chance */
	growth.size_low = growth.size_high = 40960;
	check_words(&growth, "3 blocks of 40.0 KiB, one every 21 s; at this rate 161 MiB a day, "
			     "memory.max in 8 min 33 s");
}

static void test_growth_at_once_has_no_outlook(void)
{
	struct top_growth growth = steady();

	for (size_t i = 1; i < growth.n_points; i++)
		growth.points[i] = growth.bytes * (i >= 8 ? 1 : 0.01 * (double)i);
	check_words(&growth, "30 blocks of 4.0 KiB, most of it at once 7 s ago");
}

static void test_no_growth(void)
{
	struct top_growth growth = steady();

	growth.is_beyond_error = false;
	growth.is_exact = false;
	growth.unseen = 1.5 * 1048576;
	check_words(&growth, "no growth beyond the sampling error; up to 1.5 MiB may be unseen");
	growth.is_exact = true;
	growth.bytes = 0;
	check_words(&growth, "has not grown");
	growth.bytes = -8192;
	growth.is_beyond_error = true;
	check_words(&growth, "shrank by 8.0 KiB");
}

static void test_times(void)
{
	static const struct {
		double seconds;
		const char *text;
	} cases[] = {
		{0.0123, "12 ms"},    {0.94, "940 ms"},     {2, "2 s"},
		{2.1, "2.1 s"},       {59.6, "1 min"},      {60, "1 min"},
		{61, "1 min 1 s"},    {3599.7, "1 h"},      {11400, "3 h 10 min"},
		{86400, "1 day"},     {90000, "1 day 1 h"}, {864000, "10 days"},
		{31536000, "1 year"}, {3.2e9, "101 years"},
	};
	char text[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		top_words_time(cases[i].seconds, text, sizeof(text));
		CHECK_STR_EQ(text, cases[i].text);
	}
}

TEST_MAIN(TEST(test_blocks_sizes_and_period), TEST(test_estimates_are_about),
	  TEST(test_the_limit_is_a_time), TEST(test_growth_that_ended_has_no_outlook),
	  TEST(test_growth_at_once_has_no_outlook), TEST(test_no_growth), TEST(test_times))
