/* SPDX-License-Identifier: MIT */
#include "inspect/repeated_text.h"
#include "test.h"
#include <stdio.h>
#include <string.h>

static void add(struct repeated_texts *texts, const char *bytes)
{
	repeated_texts_add(texts, bytes, strlen(bytes));
}

static void test_strings_are_counted(void)
{
	struct repeated_texts *texts = repeated_texts_new();
	struct repeated_text top[4];

	CHECK(texts);
	add(texts, "a first string\1short\1a second one\1a first string");
	add(texts, "a second one\n\n\na second one");
	add(texts, "only once in all");
	CHECK_UINT_EQ(repeated_texts_top(texts, top, 4), 2);
	CHECK_STR_EQ(top[0].text, "a second one");
	CHECK_UINT_EQ(top[0].count, 3);
	CHECK_STR_EQ(top[1].text, "a first string");
	CHECK_UINT_EQ(repeated_texts_top(texts, top, 1), 1);
	repeated_texts_free(texts);
}

static void test_a_long_string_is_cut_but_counted_whole(void)
{
	struct repeated_texts *texts = repeated_texts_new();
	struct repeated_text top[4];
	char text[1000];

	memset(text, 'x', sizeof(text));
	text[999] = '\0';
	add(texts, text);
	add(texts, text);
	text[998] = 'y'; /* another string with the same beginning */
	add(texts, text);
	CHECK_UINT_EQ(repeated_texts_top(texts, top, 4), 1);
	CHECK_UINT_EQ(top[0].size, 999);
	CHECK_UINT_EQ(strlen(top[0].text), REPEATED_TEXT_SHOWN);
	repeated_texts_free(texts);
}

/* Far more strings than there is room for: those that occur often stay. */
static void test_a_full_table_keeps_what_repeats(void)
{
	struct repeated_texts *texts = repeated_texts_new();
	struct repeated_text top[4];
	char text[64];

	for (int i = 0; i < 600000; i++) {
		snprintf(text, sizeof(text), "the string with number %d", i);
		add(texts, text);
		if (i % 100 == 0)
			add(texts, "a string that repeats itself, again and again");
	}
	CHECK_UINT_EQ(repeated_texts_top(texts, top, 4), 1);
	CHECK(top[0].count > 5000 && top[0].count <= 6000);
	repeated_texts_free(texts);
}

TEST_MAIN(TEST(test_strings_are_counted), TEST(test_a_long_string_is_cut_but_counted_whole),
	  TEST(test_a_full_table_keeps_what_repeats))
