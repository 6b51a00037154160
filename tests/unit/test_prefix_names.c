/* SPDX-License-Identifier: MIT */
#include "command/prefix_names.h"
#include "folder.h"
#include "test.h"

static const char *expand(const char *pattern, const char *program)
{
	static char path[PATH_MAX];
	const struct prefix_values values = {47, program, 11};

	return prefix_expand(pattern, &values, path) ? path : "(too long)";
}

static void test_expansions(void)
{
	char host[256] = "", expected[600];

	gethostname(host, sizeof(host) - 1);
	snprintf(expected, sizeof(expected), "/x/app.47.%s.11%%%%%%y%%", host);
	CHECK_STR_EQ(expand("/x/%e.%p.%h.%t%%%%%y%", "app"), expected);
	CHECK_STR_EQ(expand("/x/%e", "..hidden"), "/x/hidden");
	CHECK_STR_EQ(expand("/x/a%e", ".b"), "/x/a.b");
	CHECK_STR_EQ(expand("/x/%e", "..."), "/x/program");
	CHECK_STR_EQ(expand("/x/%e", "%p"), "/x/%p");
}

static void test_too_long(void)
{
	char pattern[PATH_MAX + 1];

	memset(pattern, 'a', PATH_MAX);
	pattern[PATH_MAX] = '\0';
	CHECK_STR_EQ(expand(pattern, ""), "(too long)");
	pattern[PATH_MAX - 1] = '\0';
	CHECK_UINT_EQ(strlen(expand(pattern, "")), PATH_MAX - 1);
	memcpy(pattern + PATH_MAX - 3, "%e", 3);
	CHECK_STR_EQ(expand(pattern, "app"), "(too long)");
}

static void test_has(void)
{
	CHECK(prefix_has("/x%p", 'p'));
	CHECK(prefix_has("%e%p", 'p'));
	CHECK(!prefix_has("%%p", 'p'));
	CHECK(!prefix_has("%", 'p'));
	CHECK(!prefix_has("", 'p'));
}

static void test_last_number(void)
{
	static const char *const others[] = {
		"a.0003.heap", "a.0007.heap.tmp.1", "a_8.0008.heap",     "ab.0009.heap",
		"a.x.heap",    "a.+10.heap",        "a.99999999999.heap"};
	char prefix[PATH_MAX];

	snprintf(prefix, sizeof(prefix), "%s", in_folder("a"));
	CHECK_UINT_EQ(prefix_last_number(prefix), 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		write_file(in_folder(others[i]), "");
	CHECK_UINT_EQ(prefix_last_number(prefix), 3);
	write_file(in_folder("a.12345.heap"), "");
	CHECK_UINT_EQ(prefix_last_number(prefix), 12345);
	CHECK_UINT_EQ(prefix_last_number("/no/such/folder/a"), 0);
}

TEST_MAIN(TEST(test_expansions), TEST(test_too_long), TEST(test_has), TEST(test_last_number))
