/* SPDX-License-Identifier: MIT */
#include "base/cursor.h"

#include "test.h"

static struct cursor over(const char *text)
{
	return cursor_make(text, strlen(text));
}

static void test_decimal_stops_at_64_bits(void)
{
	struct cursor cursor = over("18446744073709551615 18446744073709551616");

	CHECK_UINT_EQ(cursor_take_decimal(&cursor), UINT64_MAX);
	CHECK(!cursor.failed);
	cursor_skip_spaces(&cursor);
	cursor_take_decimal(&cursor);
	CHECK(cursor.failed);
}

static void test_signed_reaches_both_ends(void)
{
	struct cursor cursor = over("9223372036854775807 -9223372036854775808 9223372036854775808");

	CHECK_INT_EQ(cursor_take_signed(&cursor), INT64_MAX);
	cursor_skip_spaces(&cursor);
	CHECK_INT_EQ(cursor_take_signed(&cursor), INT64_MIN);
	CHECK(!cursor.failed);
	cursor_skip_spaces(&cursor);
	cursor_take_signed(&cursor);
	CHECK(cursor.failed);
}

static void test_hex_takes_both_cases_and_16_digits(void)
{
	struct cursor cursor = over("ffffFFFFffffFFFF,10000000000000000");

	CHECK_HEX_EQ(cursor_take_hex(&cursor), UINT64_MAX);
	CHECK(!cursor.failed);
	CHECK(cursor_accept(&cursor, ','));
	cursor_take_hex(&cursor);
	CHECK(cursor.failed);
}

static void test_leading_zeroes_are_no_overflow(void)
{
	struct cursor cursor = over("0000000000000000000000007f");

	CHECK_HEX_EQ(cursor_take_hex(&cursor), 0x7f);
	CHECK(!cursor.failed);
}

static void test_nothing_to_take_fails_and_stays_failed(void)
{
	struct cursor cursor = over("x12");

	cursor_take_decimal(&cursor);
	CHECK(cursor.failed);
	CHECK(cursor_accept(&cursor, 'x'));
	CHECK_UINT_EQ(cursor_take_decimal(&cursor), 12);
	CHECK(cursor.failed);
}

static void test_the_end_bounds_everything(void)
{
	struct cursor cursor = cursor_make("1234abcd", 2);

	CHECK_UINT_EQ(cursor_take_decimal(&cursor), 12);
	CHECK(cursor_at_end(&cursor));
	CHECK_INT_EQ(cursor_peek(&cursor), -1);
	CHECK(!cursor_starts_with(&cursor, "3"));
	CHECK(!cursor_find(&cursor, "a"));
	cursor_expect(&cursor, '3');
	CHECK(cursor.failed);
}

static void test_words_and_trimming(void)
{
	struct cursor cursor = over("  one two\t \r"), word;

	cursor_trim_end(&cursor);
	cursor_skip_spaces(&cursor);
	word = cursor_take_word(&cursor);
	CHECK(cursor_equals(&word, "one"));
	cursor_skip_spaces(&cursor);
	CHECK(cursor_equals(&cursor, "two"));
	CHECK(!cursor_equals(&cursor, "tw"));
}

/* Does the same as cursor_take_hex(), digit by digit. */
static uint64_t take_hex_slowly(struct cursor *cursor)
{
	uint64_t value = 0;
	bool fits = true;
	const char *begin = cursor->at;

	for (; cursor_hex_digit(cursor_peek(cursor)) >= 0; cursor->at++) {
		fits = fits && !(value >> 60);
		value = value << 4 | (unsigned)cursor_hex_digit(cursor_peek(cursor));
	}
	cursor->failed = cursor->at == begin || !fits;
	return value;
}

static void test_hex_ends_at_any_byte_and_any_place(void)
{
	char text[] = "0fA97Bc3d5E1f20846aB";

	for (size_t place = 0; place < sizeof(text) - 1; place++) {
		char kept = text[place];

		for (int byte = 0; byte < 256; byte++)
			for (size_t size = place; size < sizeof(text); size++) {
				struct cursor cursor = cursor_make(text, size), slow = cursor;

				text[place] = (char)byte;
				CHECK_HEX_EQ(cursor_take_hex(&cursor), take_hex_slowly(&slow));
				CHECK(cursor.at == slow.at && cursor.failed == slow.failed);
			}
		text[place] = kept;
	}
}

TEST_MAIN(TEST(test_decimal_stops_at_64_bits), TEST(test_signed_reaches_both_ends),
	  TEST(test_hex_takes_both_cases_and_16_digits), TEST(test_leading_zeroes_are_no_overflow),
	  TEST(test_nothing_to_take_fails_and_stays_failed), TEST(test_the_end_bounds_everything),
	  TEST(test_words_and_trimming), TEST(test_hex_ends_at_any_byte_and_any_place))
