/* SPDX-License-Identifier: MIT */
#include "model/profile.h"

#include <errno.h>

#include "test.h"

static uint32_t stack_of(struct profile *profile, uint64_t a, uint64_t b)
{
	uint32_t locations[] = {profile_location_at(profile, a), profile_location_at(profile, b)};

	return profile_add_stack(profile, locations, 2);
}

static void test_equal_things_are_one(void)
{
	struct profile *profile = profile_new();
	struct profile_function function = {.name = profile_intern(profile, "f")};
	struct profile_label label = {.key = profile_intern(profile, "bytes"), .number = 8};
	uint32_t id;

	id = stack_of(profile, 0x10, 0x20);
	CHECK_UINT_EQ(stack_of(profile, 0x10, 0x20), id);
	CHECK(stack_of(profile, 0x20, 0x10) != id);
	CHECK_UINT_EQ(profile->locations.n, 2);
	id = profile_add_function(profile, &function);
	CHECK_UINT_EQ(profile_add_function(profile, &function), id);
	function.start_line = 3;
	CHECK(profile_add_function(profile, &function) != id);
	id = profile_add_labels(profile, &label, 1);
	CHECK_UINT_EQ(profile_add_labels(profile, &label, 1), id);
	label.number = 9;
	CHECK(profile_add_labels(profile, &label, 1) != id);
	CHECK_UINT_EQ(profile_add_labels(profile, NULL, 0), 0);
	CHECK_INT_EQ(profile_status(profile), 0);
	profile_free(profile);
}

static void test_samples_with_one_key_add_up(void)
{
	struct profile *profile = profile_new();
	struct profile_sample key = {0};

	profile_add_sample_type(profile, "objects", "count");
	profile_add_sample_type(profile, "space", "bytes");
	key.stack = stack_of(profile, 1, 2);
	profile_add_sample(profile, key, (int64_t[]){1, 100});
	profile_add_sample(profile, key, (int64_t[]){2, -30});
	key.stack = stack_of(profile, 1, 3);
	profile_add_sample(profile, key, (int64_t[]){5, 50});
	CHECK_UINT_EQ(profile->samples.n, 2);
	CHECK_INT_EQ(profile_values(profile, 0)[0], 3);
	CHECK_INT_EQ(profile_values(profile, 0)[1], 70);
	CHECK_INT_EQ(profile_values(profile, 1)[1], 50);
	CHECK_INT_EQ(profile_find_sample_type(profile, "space"), 1);
	CHECK_INT_EQ(profile_find_sample_type(profile, "time"), -1);
	profile_free(profile);
}

static void test_sums_beyond_64_bits_fail_for_good(void)
{
	struct profile *profile = profile_new();

	profile_add_sample_type(profile, "space", "bytes");
	profile_add_stack(profile, NULL, 0);
	profile_add_sample(profile, (struct profile_sample){0}, (int64_t[]){INT64_MAX});
	CHECK_INT_EQ(profile_status(profile), 0);
	profile_add_sample(profile, (struct profile_sample){0}, (int64_t[]){1});
	CHECK_INT_EQ(profile_status(profile), -EOVERFLOW);
	profile_add_comment(profile, "late", 4);
	CHECK_UINT_EQ(profile->comments.n, 0);
	profile_free(profile);
}

static void test_too_many_sample_types(void)
{
	struct profile *profile = profile_new();

	for (int i = 0; i < SAMPLE_TYPES_MAX; i++)
		profile_add_sample_type(profile, "t", "u");
	CHECK_INT_EQ(profile_status(profile), 0);
	profile_add_sample_type(profile, "t", "u");
	CHECK_INT_EQ(profile_status(profile), -EOVERFLOW);
	profile_free(profile);
}

static void test_lines_are_replaced(void)
{
	struct profile *profile = profile_new();
	uint32_t a = profile_location_at(profile, 0x10), b = profile_location_at(profile, 0x20);
	struct profile_line lines[] = {{.line = 1}, {.line = 2}, {.line = 3}};
	const struct profile_location *location;

	profile_set_lines(profile, a, lines, 1);
	profile_set_lines(profile, b, lines + 1, 2);
	profile_set_lines(profile, a, lines, 3);
	profile_set_lines(profile, b, lines, 1);
	location = &profile->locations.items[a];
	CHECK_UINT_EQ(location->n_lines, 3);
	CHECK_INT_EQ(profile_lines(profile, location)[2].line, 3);
	location = &profile->locations.items[b];
	CHECK_UINT_EQ(location->n_lines, 1);
	CHECK_INT_EQ(profile_lines(profile, location)[0].line, 1);
	profile_set_lines(profile, b, NULL, 0);
	CHECK_UINT_EQ(profile->locations.items[b].n_lines, 0);
	profile_free(profile);
}

static void test_metadata(void)
{
	struct profile *profile = profile_new();

	profile_add_comment(profile, "runner: a", 9);
	profile_add_comment(profile, "run: b: c", 9);
	CHECK_STR_EQ(profile_metadata(profile, "run"), "b: c");
	CHECK_PTR_EQ(profile_metadata(profile, "ru"), NULL);
	profile_free(profile);
}

static void test_many_stacks(void)
{
	struct profile *profile = profile_new();

	for (uint64_t i = 0; i < 50000; i++)
		CHECK_UINT_EQ(stack_of(profile, i, i / 7), i);
	for (uint64_t i = 0; i < 50000; i += 997)
		CHECK_UINT_EQ(stack_of(profile, i, i / 7), i);
	CHECK_UINT_EQ(profile->stacks.n, 50000);
	profile_free(profile);
}

TEST_MAIN(TEST(test_equal_things_are_one), TEST(test_samples_with_one_key_add_up),
	  TEST(test_sums_beyond_64_bits_fail_for_good), TEST(test_too_many_sample_types),
	  TEST(test_lines_are_replaced), TEST(test_metadata), TEST(test_many_stacks))
