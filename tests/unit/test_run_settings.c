/* SPDX-License-Identifier: MIT */
/* The small parsers of `heapprof run`. */
#include "cli/command.h"
#include "command/duration.h"
#include "command/run/run_settings.h"
#include "test.h"
#include <unistd.h>

static void check_duration(const char *text, uint64_t seconds)
{
	uint64_t found = 0;

	CHECK_INT_EQ(duration_parse(text, &found), seconds > 0);
	CHECK_UINT_EQ(found, seconds);
}

static void test_durations(void)
{
	check_duration("1", 1);
	check_duration("60s", 60);
	check_duration("5m", 300);
	check_duration("2h", 7200);
	check_duration("1d", 86400);
	check_duration("1000000000", 1000000000);
	check_duration("1000000001", 0);
	check_duration("18446744073709551615d", 0);
	check_duration("0s", 0);
	check_duration("s", 0);
	check_duration("", 0);
	check_duration("5 m", 0);
	check_duration("5ms", 0);
	check_duration("-1", 0);
	check_duration("1.5h", 0);
}

static void test_wrappers(void)
{
	CHECK(run_is_wrapper("sh"));
	CHECK(run_is_wrapper("make"));
	CHECK(run_is_wrapper("heapprof"));
	CHECK(!run_is_wrapper("mak"));
	CHECK(!run_is_wrapper("ash"));
	CHECK(!run_is_wrapper("sh,bash"));
	CHECK(!run_is_wrapper(""));
	CHECK(!run_is_wrapper("python3"));
}

static void check_absolute(const char *prefix, bool is_literal, const char *expected)
{
	char *found = run_make_absolute(prefix, is_literal);

	CHECK_STR_EQ(found, expected);
	free(found);
}

static void test_absolute_prefixes(void)
{
	CHECK_INT_EQ(chdir("/tmp"), 0);
	check_absolute("/a/%p", false, "/a/%p");
	check_absolute("/a/%p", true, "/a/%%p");
	check_absolute("b", false, "/tmp/b");
	check_absolute("../%e", false, "/tmp/../%e");
}

static void check_quoted(const char *text, const char *expected)
{
	char *found = shell_word(text);

	CHECK_STR_EQ(found, expected);
	free(found);
}

static void check_operand(const char *text, const char *expected)
{
	char *found = shell_operand(text);

	CHECK_STR_EQ(found, expected);
	free(found);
}

static void test_operands(void)
{
	check_operand("a", "a");
	check_operand("a b", "'a b'");
	check_operand("-x", "-- -x");
	check_operand("-x y", "-- '-x y'");
	check_operand("-", "-- -");
}

static void test_quotes(void)
{
	check_quoted("/tmp/app.0001.heap", "/tmp/app.0001.heap");
	check_quoted("a b", "'a b'");
	check_quoted("it's", "'it'\\''s'");
	check_quoted("$(x)", "'$(x)'");
	check_quoted("~", "'~'");
	check_quoted("", "''");
	check_quoted("-x", "-x");
	check_quoted("\xc3\xa4 b", "'\xc3\xa4 b'");
	check_quoted("a\nb\x1b", "$'a\\012b\\033'");
	check_quoted("it's\\\t", "$'it\\'s\\\\\\011'");
	check_quoted("\xc3\xa4\xff", "$'\xc3\xa4\\377'");
}

TEST_MAIN(TEST(test_durations), TEST(test_wrappers), TEST(test_absolute_prefixes),
	  TEST(test_quotes), TEST(test_operands))
