/* SPDX-License-Identifier: MIT */
#include "analysis/top.h"

#include <errno.h>

#include "heap_profile.h"

struct stack {
	const char *functions; /* leaf first, separated by ';'; "" for a sample without a stack */
	int64_t value;
};

static struct profile *profile_of(const struct stack *stacks, size_t n_stacks)
{
	struct profile *profile = profile_new();

	profile_add_sample_type(profile, "space", "bytes");
	for (size_t i = 0; i < n_stacks; i++) {
		uint32_t locations[8];
		size_t n = 0;
		char names[64], *rest = names, *name;

		snprintf(names, sizeof(names), "%s", stacks[i].functions);
		while ((name = strsep(&rest, ";")))
			if (*name)
				locations[n++] = heap_profile_add_function(profile, name, "");
		profile_add_sample(
			profile,
			(struct profile_sample){.stack = profile_add_stack(profile, locations, n)},
			&stacks[i].value);
	}
	CHECK_INT_EQ(profile_status(profile), 0);
	return profile;
}

/* Returns the rows as "name flat cumulative, ...", followed by the total and the absolute total. */
static const char *top_of(const struct stack *stacks, size_t n_stacks, bool by_cumulative)
{
	static char text[512];
	struct profile *profile = profile_of(stacks, n_stacks);
	struct frames frames;
	struct top top;
	size_t used = 0;

	CHECK_INT_EQ(frames_init(&frames, profile), 0);
	CHECK_INT_EQ(top_init(&top, &frames, NULL, 0, by_cumulative), 0);
	vec_foreach (row, &top.rows)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%s %" PRId64 " %" PRId64 ", ", top_name(&frames, row),
					 row->flat, row->cumulative);
	snprintf(text + used, sizeof(text) - used, "%" PRId64 " %" PRId64, top.total, top.absolute);
	top_deinit(&top);
	frames_deinit(&frames);
	profile_free(profile);
	return text;
}

#define TOP(by_cumulative, ...)                     \
	top_of((const struct stack[]){__VA_ARGS__}, \
	       sizeof((const struct stack[]){__VA_ARGS__}) / sizeof(struct stack), by_cumulative)

static void test_flat_and_cumulative(void)
{
	CHECK_STR_EQ(TOP(false, {"a;main", 100}, {"b;main", 30}),
		     "a 100 100, b 30 30, main 0 130, 130 130");
	CHECK_STR_EQ(TOP(true, {"a;main", 100}, {"b;main", 30}),
		     "main 0 130, a 100 100, b 30 30, 130 130");
}

static void test_recursion_counts_once(void)
{
	CHECK_STR_EQ(TOP(false, {"leaf;f;g;f;main", 100}),
		     "leaf 100 100, f 0 100, g 0 100, main 0 100, 100 100");
	CHECK_STR_EQ(TOP(false, {"f;f", 5}, {"f;f;f", 7}), "f 12 12, 12 12");
}

/* In a profile that is a difference, functions that have shrunk have negative values. */
static void test_order_is_by_magnitude(void)
{
	CHECK_STR_EQ(TOP(false, {"a", 5}, {"b", -50}, {"c", 7}), "b -50 -50, c 7 7, a 5 5, -38 62");
	CHECK_STR_EQ(TOP(false, {"a", -7}, {"b", 7}), "b 7 7, a -7 -7, 0 14");
	CHECK_STR_EQ(TOP(false, {"b", 7}, {"a", 7}), "a 7 7, b 7 7, 14 14");
}

static void test_rows_that_hold_nothing_are_left_out(void)
{
	CHECK_STR_EQ(TOP(false, {"a", 0}, {"b", 1}), "b 1 1, 1 1");
	CHECK_STR_EQ(TOP(false, {"a", 0}), "0 0");
}

static void test_samples_without_a_stack_have_a_row(void)
{
	CHECK_STR_EQ(TOP(false, {"", 9}, {"a", 1}), PROFILE_NO_STACK " 9 9, a 1 1, 10 10");
	CHECK_STR_EQ(TOP(false, {"", 9}, {PROFILE_NO_STACK, 1}), PROFILE_NO_STACK " 10 10, 10 10");
}

static void check_overflow(const struct stack *stacks, size_t n_stacks)
{
	struct profile *profile = profile_of(stacks, n_stacks);
	struct frames frames;
	struct top top;

	CHECK_INT_EQ(frames_init(&frames, profile), 0);
	CHECK_INT_EQ(top_init(&top, &frames, NULL, 0, false), -EOVERFLOW);
	top_deinit(&top);
	frames_deinit(&frames);
	profile_free(profile);
}

static void test_sums_beyond_64_bits(void)
{
	check_overflow((const struct stack[]){{"a", INT64_MAX}, {"b", 1}}, 2);
	check_overflow((const struct stack[]){{"a", INT64_MIN}}, 1); /* it has no magnitude */
	/* The total is INT64_MAX - 1, but the absolute total overflows. */
	check_overflow((const struct stack[]){{"a", INT64_MAX}, {"b", -1}}, 2);
}

TEST_MAIN(TEST(test_flat_and_cumulative), TEST(test_recursion_counts_once),
	  TEST(test_order_is_by_magnitude), TEST(test_rows_that_hold_nothing_are_left_out),
	  TEST(test_samples_without_a_stack_have_a_row), TEST(test_sums_beyond_64_bits))
