/* SPDX-License-Identifier: MIT */
#include "base/name_pattern.h"
#include "test.h"

static void test_plain_names(void)
{
	CHECK(hp_name_pattern_matches("app", "app"));
	CHECK(!hp_name_pattern_matches("app", "apps"));
	CHECK(!hp_name_pattern_matches("app", "ap"));
	CHECK(!hp_name_pattern_matches("app", "App"));
	CHECK(!hp_name_pattern_matches("app", ""));
	CHECK(hp_name_pattern_matches("my app+(1).x", "my app+(1).x"));
}

static void test_stars_and_question_marks(void)
{
	CHECK(hp_name_pattern_matches("*", ""));
	CHECK(hp_name_pattern_matches("*", ".app"));
	CHECK(hp_name_pattern_matches("python3*", "python3"));
	CHECK(hp_name_pattern_matches("python3*", "python3.11"));
	CHECK(!hp_name_pattern_matches("python3*", "python2.7"));
	CHECK(hp_name_pattern_matches("*a*b", "xaybab"));
	CHECK(!hp_name_pattern_matches("*a*b", "xaybabc"));
	CHECK(hp_name_pattern_matches("**x**", "axb"));
	CHECK(hp_name_pattern_matches("a?c", "abc"));
	CHECK(!hp_name_pattern_matches("a?c", "ac"));
	CHECK(!hp_name_pattern_matches("app?", "app"));
}

static void test_sets(void)
{
	CHECK(hp_name_pattern_matches("python[23]", "python3"));
	CHECK(!hp_name_pattern_matches("python[23]", "python4"));
	CHECK(hp_name_pattern_matches("x[a-c0-9]", "xb"));
	CHECK(hp_name_pattern_matches("x[a-c0-9]", "x7"));
	CHECK(!hp_name_pattern_matches("x[a-c0-9]", "xd"));
	CHECK(hp_name_pattern_matches("x[!a-c]", "xd"));
	CHECK(!hp_name_pattern_matches("x[^a-c]", "xb"));
	CHECK(hp_name_pattern_matches("[]]", "]"));
	CHECK(!hp_name_pattern_matches("[!]]", "]"));
	CHECK(hp_name_pattern_matches("[a-]", "-"));
	CHECK(!hp_name_pattern_matches("[a]", ""));
	CHECK(hp_name_pattern_matches("*[0-9]", "cc1"));
	CHECK(hp_name_pattern_matches("[\x80-\xff]", "\xe9"));
}

static void test_brackets_that_nothing_closes(void)
{
	CHECK(hp_name_pattern_matches("[", "["));
	CHECK(hp_name_pattern_matches("a[b", "a[b"));
	CHECK(!hp_name_pattern_matches("a[b", "ab"));
	CHECK(hp_name_pattern_matches("[!", "[!"));
	CHECK(hp_name_pattern_matches("*[[", "x[["));
	CHECK(hp_name_pattern_matches("[]", "[]"));
}

static void test_lists(void)
{
	CHECK(hp_name_pattern_matches("a,b", "a"));
	CHECK(hp_name_pattern_matches("a,b", "b"));
	CHECK(!hp_name_pattern_matches("a,b", "a,b"));
	CHECK(!hp_name_pattern_matches("a,b", ""));
	CHECK(hp_name_pattern_matches("a*,*b,", "xb"));
	CHECK(hp_name_pattern_matches(",,b", "b"));
	CHECK(!hp_name_pattern_matches("", ""));
	CHECK(!hp_name_pattern_matches(",", ""));
}

static void test_backslashes(void)
{
	CHECK(hp_name_pattern_matches("a\\*", "a*"));
	CHECK(!hp_name_pattern_matches("a\\*", "ab"));
	CHECK(hp_name_pattern_matches("a\\,b", "a,b"));
	CHECK(hp_name_pattern_matches("\\[a]", "[a]"));
	CHECK(hp_name_pattern_matches("a\\", "a\\"));
}

static void test_folders_do_not_count(void)
{
	CHECK(hp_name_pattern_matches("./app", "app"));
	CHECK(hp_name_pattern_matches("/usr/bin/app,x", "app"));
	CHECK(hp_name_pattern_matches("x,/usr/bin/a*", "app"));
	CHECK(!hp_name_pattern_matches("app/", "app"));
	CHECK(!hp_name_pattern_matches("app/", ""));
}

/* A matcher that tries all possibilities gets slower by a factor with each star: it would never
 * finish here. */
static void test_hostile_patterns(void)
{
	static char pattern[1024], name[4096];

	memset(name, 'a', sizeof(name) - 1);
	for (size_t i = 0; i < sizeof(pattern) - 2; i++)
		pattern[i] = "a*"[i % 2];
	pattern[sizeof(pattern) - 2] = 'b';
	CHECK(!hp_name_pattern_matches(pattern, name));
	memset(pattern, '[', sizeof(pattern) - 1);
	pattern[0] = '*';
	memset(name, '[', sizeof(name) - 1);
	CHECK(hp_name_pattern_matches(pattern, name));
	name[sizeof(name) - 2] = 'x';
	CHECK(!hp_name_pattern_matches(pattern, name));
	for (size_t i = 0; i < sizeof(pattern) - 1; i++)
		pattern[i] = "*[a-b]"[i % 6];
	hp_name_pattern_matches(pattern, name);
}

TEST_MAIN(TEST(test_plain_names), TEST(test_stars_and_question_marks), TEST(test_sets),
	  TEST(test_brackets_that_nothing_closes), TEST(test_lists), TEST(test_backslashes),
	  TEST(test_folders_do_not_count), TEST(test_hostile_patterns))
