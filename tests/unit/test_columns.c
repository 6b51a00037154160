/* SPDX-License-Identifier: MIT */
#include "base/columns.h"

#include <locale.h>

#include "test.h"

static const struct terminal_text utf8 = {.is_utf8 = true}, ascii = {0};

static void check_copy(const struct terminal_text *terminal, const char *text, size_t width,
		       const char *expected, size_t columns)
{
	char out[256];

	CHECK_UINT_EQ(columns_copy(terminal, text, width, out, sizeof(out)), columns);
	CHECK_STR_EQ(out, expected);
}

static void check_name(const struct terminal_text *terminal, const char *name, size_t width,
		       const char *expected)
{
	char out[256];
	size_t columns = columns_copy_name(terminal, name, width, out, sizeof(out));

	CHECK_STR_EQ(out, expected);
	CHECK(columns <= width);
	CHECK_UINT_EQ(columns, columns_count(terminal, out));
}

static void test_text_is_cut_at_the_width(void)
{
	check_copy(&utf8, "abcdef", 10, "abcdef", 6);
	check_copy(&utf8, "abcdef", 4, "abcd", 4);
	check_copy(&utf8, "\u00e4\u00f6\u00fc", 2, "\u00e4\u00f6", 2);
	check_copy(&utf8, "a\u4e2d\u6587", 4, "a\u4e2d", 3); /* each takes two columns */
	check_copy(&utf8, "", 4, "", 0);
}

static void test_a_terminal_without_utf8(void)
{
	check_copy(&ascii, "a\u4e2db", 10, "a?b", 3);
	check_name(&ascii, "abcdefghijklmnopqrstuvwxyz", 11, "abcd~uvwxyz");
}

static void test_no_control_reaches_the_terminal(void)
{
	check_copy(&utf8, "a\x1b[2Jb\tc\nd\x7f", 80, "a?[2Jb?c?d?", 11);
	check_copy(&utf8,
		   "a\xc2\x9b"
		   "b",
		   80, "a??b", 4);                                            /* C1: CSI */
	check_copy(&utf8, "a\xe2\x80\xaez\xe2\x81\xa6y", 80, "a???z???y", 9); /* bidi */
	check_copy(&utf8, "e\u0301\u0301\u200b", 80, "e???", 4); /* these take no column */
	check_copy(&utf8, "\xff\xc3", 80, "??", 2);
}

static void test_the_output_is_bounded(void)
{
	char out[4];

	CHECK_UINT_EQ(columns_copy(&utf8, "abcdef", 80, out, sizeof(out)), 3);
	CHECK_STR_EQ(out, "abc");
	CHECK_UINT_EQ(columns_copy(&utf8, "ab\u4e2d", 80, out, sizeof(out)), 2);
	CHECK_STR_EQ(out, "ab");
	columns_copy_name(&utf8, "a<b>cdefghijklmnop", 10, out, sizeof(out));
	CHECK_UINT_EQ(strlen(out), 3);
}

static void test_long_names_lose_arguments_then_their_middle(void)
{
	static const char name[] =
		"std::map<std::string, std::vector<int>>::insert<const char *>(int)";

	check_name(&utf8, name, 80, name);
	check_name(&utf8, name, 40, "std::map<\u2026>::insert<const char *>(int)");
	check_name(&utf8, name, 30, "std::map<\u2026>::insert<\u2026>(\u2026)");
	check_name(&utf8, name, 20, "std::map\u2026nsert<\u2026>(\u2026)");
	check_name(&utf8, "ns::operator<< <int>(ns::stream<char>&)", 36,
		   "ns::operator<< <int>(\u2026)");
	check_name(&utf8, "ns::holder<int>::operator->", 25, "ns::holder<\u2026>::operator->");
	check_name(&utf8, "unbalanced<a<b", 13, "unbalanced<\u2026");
	check_name(&utf8, "abc", 1, "a");
	check_name(&utf8, "abc", 0, "");
}

static void test_paths_lose_their_beginning(void)
{
	char out[64];

	CHECK_UINT_EQ(columns_copy_end(&utf8, "/usr/src/a.c", 6, out, sizeof(out)), 6);
	CHECK_STR_EQ(out, "\u2026c/a.c");
	CHECK_UINT_EQ(columns_copy_end(&ascii, "a.c", 6, out, sizeof(out)), 3);
	CHECK_STR_EQ(out, "a.c");
}

static void set_locale(void)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		TEST_FAIL("no locale C.UTF-8");
}

TEST_MAIN(TEST(set_locale), TEST(test_text_is_cut_at_the_width), TEST(test_a_terminal_without_utf8),
	  TEST(test_no_control_reaches_the_terminal), TEST(test_the_output_is_bounded),
	  TEST(test_long_names_lose_arguments_then_their_middle),
	  TEST(test_paths_lose_their_beginning))
