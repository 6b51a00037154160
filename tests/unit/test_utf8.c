/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include "test.h"

#define BAD "\xef\xbf\xbd"

static void check_repaired(const char *text, size_t size, const char *expected)
{
	char *repaired = utf8_repair(text, size);

	CHECK_STR_EQ(repaired, expected);
	free(repaired);
}

static void test_well_formed_text_stays(void)
{
	static const char text[] = "a \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80";

	CHECK(utf8_is_valid(text, strlen(text)));
	check_repaired(text, strlen(text), text);
}

static void test_what_is_not_is_replaced(void)
{
	check_repaired("a\xff"
		       "b",
		       3, "a" BAD "b");
	check_repaired("\xc3", 1, BAD);                         /* a sequence that is cut short */
	check_repaired("\xc0\xaf", 2, BAD BAD);                 /* a longer form than needed */
	check_repaired("\xed\xa0\x80", 3, BAD BAD BAD);         /* a surrogate */
	check_repaired("\xf4\x90\x80\x80", 4, BAD BAD BAD BAD); /* beyond the last code point */
	check_repaired("a\0b", 3, "a" BAD "b");
	CHECK(!utf8_is_valid("\xc3(", 2));
}

static void test_control_characters_are_not_printable(void)
{
	static const char *const controls[] = {
		"\n",           "\x1b",         "\x7f",
		"\xc2\x80",     "\xc2\x9f",     "\xe2\x80\xaa", /* U+202A to U+202E */
		"\xe2\x80\xae", "\xe2\x81\xa6",                 /* U+2066 to U+2069 */
		"\xe2\x81\xa9",
	};
	static const char *const others[] = {
		" ",
		"~",
		"\xc2\xa0",
		"\xe2\x80\xa9",
		"\xe2\x80\xaf",
		"\xe2\x81\xa5",
		"\xe2\x81\xaa",
		"\xe3\x80\xaa",
	};

	for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
		CHECK_UINT_EQ(utf8_printable(controls[i], strlen(controls[i])), 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		CHECK_UINT_EQ(utf8_printable(others[i], strlen(others[i])), strlen(others[i]));
}

TEST_MAIN(TEST(test_well_formed_text_stays), TEST(test_what_is_not_is_replaced),
	  TEST(test_control_characters_are_not_printable))
