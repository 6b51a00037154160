/* SPDX-License-Identifier: MIT */
#include "base/text.h"
#include "test.h"
#include <errno.h>

#define EXPECT_TEXT(expected, ...)                               \
	do {                                                     \
		HP_TEXT_LOCAL(t, 256);                           \
		__VA_ARGS__;                                     \
		CHECK_STR_EQ(hp_text_terminate(&t), (expected)); \
	} while (0)

static void test_numbers(void)
{
	EXPECT_TEXT("0", hp_text_decimal(&t, 0));
	EXPECT_TEXT("18446744073709551615", hp_text_decimal(&t, UINT64_MAX));
	EXPECT_TEXT("0007", hp_text_decimal_padded(&t, 7, 4));
	EXPECT_TEXT("12345", hp_text_decimal_padded(&t, 12345, 4));
	EXPECT_TEXT("0", hp_text_hex(&t, 0));
	EXPECT_TEXT("ffffffffffffffff", hp_text_hex(&t, UINT64_MAX));
	EXPECT_TEXT("7fff0a", hp_text_hex(&t, 0x7fff0a));
	EXPECT_TEXT("00ff10", hp_text_hex_bytes(&t, (const uint8_t *)"\x00\xff\x10", 3));
}

static void test_sizes(void)
{
	EXPECT_TEXT("0 bytes", hp_text_size(&t, 0));
	EXPECT_TEXT("1 byte", hp_text_size(&t, 1));
	EXPECT_TEXT("10239 bytes", hp_text_size(&t, 10239));
	EXPECT_TEXT("10 KiB", hp_text_size(&t, 10240));
	EXPECT_TEXT("340 KiB", hp_text_size(&t, 340 << 10));
	EXPECT_TEXT("1 MiB", hp_text_size(&t, 1 << 20));
	EXPECT_TEXT("1.5 GiB", hp_text_size(&t, UINT64_C(3) << 29));
	EXPECT_TEXT("1 TiB", hp_text_size(&t, UINT64_C(1) << 40));
	EXPECT_TEXT("15.9 EiB", hp_text_size(&t, UINT64_MAX));
}

/* The unit is chosen such that the number stays below 1024 and loses less than a tenth. */
static void test_every_size_reads_back(void)
{
	static const char units[] = "KMGTPE";

	for (uint64_t size = 10240; size < UINT64_MAX / 2; size += size / 7 + 13) {
		HP_TEXT_LOCAL(t, 64);
		double value;
		char unit;

		hp_text_size(&t, size);
		CHECK_INT_EQ(sscanf(hp_text_terminate(&t), "%lf %ciB", &value, &unit), 2);
		CHECK(strchr(units, unit) != NULL);
		for (const char *u = units; u <= strchr(units, unit); u++)
			value *= 1024;
		CHECK(value <= size && size - value <= value / 10 + 1);
		CHECK(strlen(t.buffer) <= strlen("1023.9 KiB"));
	}
}

static void test_escapes(void)
{
	EXPECT_TEXT("a b", hp_text_escaped(&t, "a b", 3, 10));
	EXPECT_TEXT("a\\nb", hp_text_escaped(&t, "a\nb", 3, 10));
	EXPECT_TEXT("\\\\n", hp_text_escaped(&t, "\\n", 2, 10));
	EXPECT_TEXT("\\x00\\x1b\\x7f\\x0d", hp_text_escaped(&t, "\0\x1b\x7f\r", 4, 10));
	EXPECT_TEXT("\xc3\xa4", hp_text_escaped(&t, "\xc3\xa4", 2, 10));
	EXPECT_TEXT("abc...", hp_text_escaped(&t, "abcdef", 6, 3));
	EXPECT_TEXT("abc", hp_text_escaped(&t, "abc", 3, 3));
	EXPECT_TEXT("", hp_text_escaped(&t, "", 0, 3));
}

static void test_cut_where_it_is_full(void)
{
	HP_TEXT_LOCAL(t, 8);

	hp_text_string(&t, "1234");
	CHECK(!t.cut);
	hp_text_string(&t, "56789");
	CHECK(t.cut);
	CHECK_STR_EQ(hp_text_terminate(&t), "1234567");
	hp_text_string(&t, "more");
	CHECK_UINT_EQ(t.used, 8);
}

static void test_terminating_a_full_text_cuts_it(void)
{
	HP_TEXT_LOCAL(t, 4);

	hp_text_string(&t, "1234");
	CHECK(!t.cut);
	CHECK_STR_EQ(hp_text_terminate(&t), "123");
	CHECK(t.cut);
}

static void test_errors(void)
{
	EXPECT_TEXT("No space left on device", hp_text_error(&t, ENOSPC));
	EXPECT_TEXT("error 4000", hp_text_error(&t, 4000));
}

static char flushed[4096];
static size_t n_flushed, n_flushes;

static void flush(struct hp_text *t)
{
	memcpy(flushed + n_flushed, t->buffer, t->used);
	n_flushed += t->used;
	n_flushes++;
	t->used = 0;
	CHECK_PTR_EQ(t->context, &n_flushes);
}

static void test_flushes_pieces_of_any_size(void)
{
	char buffer[7], expected[1000];
	struct hp_text t = {
		.buffer = buffer,
		.size = sizeof(buffer),
		.flush = flush,
		.context = &n_flushes,
	};
	size_t n = 0;

	for (size_t size = 0; size < 40; size++) {
		memset(expected + n, 'a' + (int)(size % 26), size);
		hp_text_bytes(&t, expected + n, size);
		n += size;
	}
	flush(&t);
	CHECK_UINT_EQ(n_flushed, n);
	CHECK(memcmp(flushed, expected, n) == 0);
	CHECK(n_flushes >= n / sizeof(buffer));
	CHECK(!t.cut);
}

TEST_MAIN(TEST(test_numbers), TEST(test_sizes), TEST(test_every_size_reads_back),
	  TEST(test_escapes), TEST(test_errors), TEST(test_cut_where_it_is_full),
	  TEST(test_terminating_a_full_text_cuts_it), TEST(test_flushes_pieces_of_any_size))
