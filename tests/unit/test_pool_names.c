/* SPDX-License-Identifier: MIT */
/* Kinds and names of pools: what is equal has one number, and their numbers are limited. */
#include "tables/pool_names.h"
#include "test.h"
#include <stdio.h>

static size_t describe(const void *pool, char *name, size_t size)
{
	return (size_t)snprintf(name, size, "Top/%s", (const char *)pool);
}

static const struct hp_pool_kind *add(const void *class, const char *word)
{
	struct hp_pool_kind kind = {.class = class, .describe = describe};

	snprintf(kind.word, sizeof(kind.word), "%s", word);
	CHECK(hp_pool_names_add_kind(&kind));
	return hp_pool_names_kind_of(class);
}

static void test_equal_names_have_one_number(void)
{
	const struct hp_pool_kind *a = add("a", "a kind\n"), *b = add("b", "b");
	uint32_t one = hp_pool_names_number(a, "one"), two = hp_pool_names_number(a, "two");
	uint32_t other = hp_pool_names_number(b, "one"), none = hp_pool_names_number(a, NULL);
	const char *word;

	CHECK(one != two && one != other && two != other && none != one);
	CHECK_UINT_EQ(hp_pool_names_number(a, "one"), one);
	CHECK_UINT_EQ(hp_pool_names_number(b, "one"), other);
	CHECK_UINT_EQ(hp_pool_names_get(one, &word)->size, strlen("Top/one"));
	CHECK_STR_EQ(word, "a_kind_");
	CHECK_UINT_EQ(hp_pool_names_get(none, &word)->size, 0);
	CHECK(!hp_pool_names_get(none + 1, &word));
}

/* A library that is closed and opened again has its class at the same address. */
static void test_a_class_that_comes_again(void)
{
	const struct hp_pool_kind *a = add("again", "word");

	CHECK_PTR_EQ(add("again", "word"), a);
	CHECK(add("again", "another") != a);
	CHECK_STR_EQ(hp_pool_names_kind_of("again")->word, "another");
	CHECK_STR_EQ(a->word, "word");
}

static void test_code_of_kinds(void)
{
	struct hp_pool_kind kind = {.class = "code", .word = "code", .n_ranges = 2};
	uint32_t range = 9;

	kind.ranges[0].start = 1000;
	kind.ranges[0].end = 1100;
	kind.ranges[1].start = 2000;
	kind.ranges[1].end = 2100;
	CHECK(hp_pool_names_add_kind(&kind));
	CHECK_STR_EQ(hp_pool_names_kind_at(1100, &range)->word, "code");
	CHECK_UINT_EQ(range, 0);
	CHECK_STR_EQ(hp_pool_names_kind_at(2001, &range)->word, "code");
	CHECK_UINT_EQ(range, 1);
	CHECK(!hp_pool_names_kind_at(1000, &range)); /* a return address follows a call */
	CHECK(!hp_pool_names_kind_at(1101, &range));
}

static void test_numbers_are_limited(void)
{
	static char classes[HP_POOL_KINDS_MAX];
	const struct hp_pool_kind *kind = hp_pool_names_kind_of("a");
	struct hp_pool_kind more = {.word = "more"};
	size_t n_added = 0, n_others = 0;
	const char *word;
	char name[16];

	for (int i = 0; i < 2 * HP_POOL_NAMES_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		n_others += hp_pool_names_number(kind, name) == HP_POOL_NAMES_MAX - 1;
	}
	CHECK(n_others > HP_POOL_NAMES_MAX);
	CHECK(!hp_pool_names_get(HP_POOL_NAMES_MAX - 1, &word));
	CHECK(hp_pool_names_get(HP_POOL_NAMES_MAX - 2, &word));
	for (int i = 0; i < HP_POOL_KINDS_MAX; i++) {
		more.class = &classes[i];
		n_added += hp_pool_names_add_kind(&more);
	}
	CHECK(n_added > 0 && n_added < HP_POOL_KINDS_MAX);
	CHECK(!hp_pool_names_kind_of(&classes[HP_POOL_KINDS_MAX - 1]));
}

TEST_MAIN(TEST(test_equal_names_have_one_number), TEST(test_a_class_that_comes_again),
	  TEST(test_code_of_kinds), TEST(test_numbers_are_limited))
