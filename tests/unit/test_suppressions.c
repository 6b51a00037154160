/* SPDX-License-Identifier: MIT */
#include "transform/suppressions.h"

#include "folder.h"

static int read_list(struct suppressions *list, const char *text, struct diag *diag)
{
	const char *path = in_folder("list");
	struct input *input = NULL;
	int r;

	write_file(path, text);
	CHECK_INT_EQ(input_open(&input, path, 0, diag), 0);
	r = suppressions_read(list, input, diag);
	input_free(input);
	return r;
}

static bool matches(const char *pattern, const char *text)
{
	struct suppressions list = {0};
	struct diag diag = {0};
	char line[128];
	bool is_match;

	snprintf(line, sizeof(line), "leak:%s\n", pattern);
	CHECK_INT_EQ(read_list(&list, line, &diag), 0);
	is_match = suppressions_match(&list, text);
	suppressions_deinit(&list);
	diag_deinit(&diag);
	return is_match;
}

static void test_a_pattern_is_found_anywhere(void)
{
	CHECK(matches("cache", "cache"));
	CHECK(matches("cache", "my_cache_get"));
	CHECK(!matches("cache", "cach"));
	CHECK(!matches("cache", ""));
	CHECK(!matches("a.c", "abc")); /* a pattern is not a regular expression */
}

static void test_beginning_and_end(void)
{
	CHECK(matches("^cache", "cache_get"));
	CHECK(!matches("^cache", "my_cache"));
	CHECK(matches("cache$", "my_cache"));
	CHECK(!matches("cache$", "cache_get"));
	CHECK(matches("^cache$", "cache"));
	CHECK(!matches("^cache$", "cache2"));
}

static void test_stars(void)
{
	CHECK(matches("a*c", "xabbbcx"));
	CHECK(matches("a*c", "ac"));
	CHECK(!matches("a*c", "ca"));
	CHECK(matches("^a*c*e$", "abcde"));
	CHECK(!matches("^a*c$", "acb"));
}

static void test_any_pattern_of_several_files(void)
{
	struct suppressions list = {0};
	struct diag diag = {0};

	CHECK(!suppressions_match(&list, "one"));
	CHECK_INT_EQ(read_list(&list, "# why\n\nleak:one\nleak:two\n", &diag), 0);
	CHECK_INT_EQ(read_list(&list, "leak:three", &diag), 0);
	CHECK_UINT_EQ(list.patterns.n, 3);
	CHECK(suppressions_match(&list, "one") && suppressions_match(&list, "two") &&
	      suppressions_match(&list, "three"));
	CHECK(!suppressions_match(&list, "why"));
	suppressions_deinit(&list);
	diag_deinit(&diag);
}

static void test_what_is_no_list(void)
{
	static const char *const texts[] = {"one\n", "leak one\n", "leak:one\nbad\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct suppressions list = {0};
		struct diag diag = {0};

		CHECK_INT_EQ(read_list(&list, texts[i], &diag), SUPPRESSIONS_E_SYNTAX);
		suppressions_deinit(&list);
		diag_deinit(&diag);
	}
}

TEST_MAIN(TEST(test_a_pattern_is_found_anywhere), TEST(test_beginning_and_end), TEST(test_stars),
	  TEST(test_any_pattern_of_several_files), TEST(test_what_is_no_list))
