/* SPDX-License-Identifier: MIT */
#include "base/strtab.h"

#include "test.h"

static uint32_t intern(struct strtab *table, const char *text)
{
	uint32_t id = UINT32_MAX;

	CHECK_INT_EQ(strtab_intern(table, text, strlen(text), &id), 0);
	return id;
}

static void test_equal_strings_are_one(void)
{
	struct strtab table = {0};

	CHECK_UINT_EQ(intern(&table, ""), 0);
	CHECK_UINT_EQ(intern(&table, "malloc"), 1);
	CHECK_UINT_EQ(intern(&table, "free"), 2);
	CHECK_UINT_EQ(intern(&table, "malloc"), 1);
	CHECK_UINT_EQ(strtab_count(&table), 3);
	CHECK_STR_EQ(strtab_text(&table, 0), "");
	CHECK_STR_EQ(strtab_text(&table, 2), "free");
	strtab_deinit(&table);
}

static void test_strings_may_hold_nul(void)
{
	struct strtab table = {0};
	uint32_t a, b;

	CHECK_INT_EQ(strtab_intern(&table, "a\0b", 3, &a), 0);
	CHECK_INT_EQ(strtab_intern(&table, "a\0c", 3, &b), 0);
	CHECK(a != b);
	CHECK_UINT_EQ(strtab_size(&table, a), 3);
	CHECK_INT_EQ(memcmp(strtab_text(&table, b), "a\0c", 4), 0);
	strtab_deinit(&table);
}

static void test_what_it_has(void)
{
	struct strtab table = {0};

	CHECK(strtab_has(&table, "", 0));
	CHECK(!strtab_has(&table, "malloc", 6));
	intern(&table, "malloc");
	CHECK(strtab_has(&table, "malloc", 6));
	CHECK(!strtab_has(&table, "malloc", 5));
	CHECK(!strtab_has(&table, "free", 4));
	strtab_deinit(&table);
}

static void test_text_stays_where_it_is(void)
{
	struct strtab table = {0};
	const char *first;
	char name[32];

	intern(&table, "first");
	first = strtab_text(&table, 1);
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "function_%d", i);
		CHECK_UINT_EQ(intern(&table, name), (unsigned)i + 2);
	}
	CHECK_PTR_EQ(strtab_text(&table, 1), first);
	CHECK_STR_EQ(first, "first");
	CHECK_UINT_EQ(intern(&table, "function_777"), 779);
	strtab_deinit(&table);
}

static void test_a_string_longer_than_a_chunk(void)
{
	struct strtab table = {0};
	char *text = calloc(1, 200001);
	uint32_t id;

	memset(text, 'x', 200000);
	intern(&table, "small");
	id = intern(&table, text);
	CHECK_UINT_EQ(strtab_size(&table, id), 200000);
	CHECK_UINT_EQ(intern(&table, text), id);
	CHECK_STR_EQ(strtab_text(&table, 1), "small");
	free(text);
	strtab_deinit(&table);
}

TEST_MAIN(TEST(test_equal_strings_are_one), TEST(test_strings_may_hold_nul), TEST(test_what_it_has),
	  TEST(test_text_stays_where_it_is), TEST(test_a_string_longer_than_a_chunk))
