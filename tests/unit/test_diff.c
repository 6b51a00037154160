/* SPDX-License-Identifier: MIT */
#include "analysis/diff.h"

#include <math.h>

#include "heap_profile.h"

enum {
	RUNS_MAX = 4
};

/* A diff, and the inputs that it points into. */
struct compared {
	struct profile *profiles[2][RUNS_MAX];
	struct diff_input inputs[2][RUNS_MAX];
	struct diff diff;
};

/* Compares the profiles and takes ownership of them. Each list ends with NULL. */
static void compare(struct compared *c, const char *type, struct profile *const *base,
		    struct profile *const *new, const struct filter_rules *rules)
{
	struct profile *const *lists[] = {base, new};
	size_t n[2] = {0};

	*c = (struct compared){0};
	for (int side = 0; side < 2; side++)
		for (; lists[side][n[side]]; n[side]++) {
			c->profiles[side][n[side]] = lists[side][n[side]];
			CHECK_INT_EQ(diff_input_init(&c->inputs[side][n[side]],
						     lists[side][n[side]], FRAMES_BY_FUNCTION, NULL,
						     rules),
				     0);
		}
	CHECK_INT_EQ(diff_init(&c->diff, type, c->inputs[DIFF_BASE], n[DIFF_BASE],
			       c->inputs[DIFF_NEW], n[DIFF_NEW]),
		     0);
}

#define PROFILES(...) ((struct profile *const[]){__VA_ARGS__, NULL})

static void deinit(struct compared *c)
{
	diff_deinit(&c->diff);
	for (int side = 0; side < 2; side++)
		for (size_t i = 0; i < RUNS_MAX && c->profiles[side][i]; i++) {
			diff_input_deinit(&c->inputs[side][i]);
			profile_free(c->profiles[side][i]);
		}
}

/* What one function has in use, in samples of 1,000 bytes; in an exact profile, in blocks of 1,000
 * bytes. In a profile, the function's file is the source folder, its name and ".c". */
struct use {
	const char *name;
	double n;
};

static struct profile *profile_of(const char *run, int64_t interval, const char *source_folder,
				  const struct use *uses, size_t n_uses)
{
	struct profile *profile = heap_profile_new(run, interval);
	char file[64];

	for (size_t i = 0; i < n_uses; i++) {
		snprintf(file, sizeof(file), "%s/%s.c", source_folder, uses[i].name);
		heap_profile_add(profile, uses[i].name, file, 1000, uses[i].n, uses[i].n);
	}
	CHECK_INT_EQ(profile_status(profile), 0);
	return profile;
}

#define EXACT(run, ...)                                               \
	profile_of(run, 1, "/src", (const struct use[]){__VA_ARGS__}, \
		   sizeof((const struct use[]){__VA_ARGS__}) / sizeof(struct use))
#define SAMPLED(run, ...)                                                         \
	profile_of(run, HEAP_INTERVAL, "/src", (const struct use[]){__VA_ARGS__}, \
		   sizeof((const struct use[]){__VA_ARGS__}) / sizeof(struct use))

static const struct diff_row *row_of(const struct diff *diff, const char *name)
{
	static const struct diff_row none;

	vec_foreach (row, &diff->rows)
		if (strcmp(diff_name(diff, row), name) == 0)
			return row;
	TEST_FAIL("no row of %s", name);
	return &none;
}

static struct estimated_change flat_change(const struct diff *diff, const char *name)
{
	return diff_change(diff, &row_of(diff, name)->flat);
}

/* --- rows ---------------------------------------------------------------------------------- */

static void test_functions_of_both_sides_have_rows(void)
{
	struct compared c;

	compare(&c, "inuse_space", PROFILES(EXACT("1", {"a", 2}, {"gone", 1})),
		PROFILES(EXACT("2", {"a", 5}, {"come", 4})), NULL);
	CHECK_UINT_EQ(c.diff.rows.n, 3);
	CHECK_NEAR(flat_change(&c.diff, "a").base.value, 2000, 0);
	CHECK_NEAR(flat_change(&c.diff, "a").new.value, 5000, 0);
	CHECK_NEAR(flat_change(&c.diff, "gone").new.value, 0, 0);
	CHECK_NEAR(flat_change(&c.diff, "come").base.value, 0, 0);
	CHECK_NEAR(diff_change(&c.diff, &c.diff.total).base.value, 3000, 0);
	CHECK_NEAR(diff_change(&c.diff, &c.diff.total).new.value, 9000, 0);
	CHECK(c.diff.is_bytes);
	CHECK_STR_EQ(diff_file(&c.diff, row_of(&c.diff, "a")), "/src/a.c");
	deinit(&c);
}

static void test_another_sample_type(void)
{
	struct compared c;

	compare(&c, "alloc_objects", PROFILES(EXACT("1", {"a", 2})), PROFILES(EXACT("2", {"a", 5})),
		NULL);
	CHECK_NEAR(flat_change(&c.diff, "a").new.value, 5, 0);
	CHECK(!c.diff.is_bytes);
	CHECK(flat_change(&c.diff, "a").is_objects);
	deinit(&c);
}

/* The base profile's program was built in another folder. */
static void test_files_may_have_moved(void)
{
	const struct use uses[] = {{"a", 2}, {"b", 3}};
	struct compared c;

	compare(&c, "inuse_space", PROFILES(profile_of("1", 1, "/old/src", uses, 2)),
		PROFILES(profile_of("2", 1, "/new/src", uses, 2)), NULL);
	CHECK_UINT_EQ(c.diff.rows.n, 2);
	CHECK_NEAR(flat_change(&c.diff, "b").base.value, 3000, 0);
	CHECK_NEAR(flat_change(&c.diff, "b").new.value, 3000, 0);
	deinit(&c);
}

/* Returns a profile with one sample of `bytes` bytes. Its stack is `names`, leaf first. */
static struct profile *stack_of(const char *run, int64_t bytes, const char *const *names, size_t n)
{
	struct profile *profile = heap_profile_new(run, 1);
	uint32_t locations[8];
	struct profile_sample key;

	for (size_t i = 0; i < n; i++)
		locations[i] = heap_profile_add_function(profile, names[i], "");
	key = (struct profile_sample){.stack = profile_add_stack(profile, locations, n)};
	profile_add_sample(profile, key, (int64_t[]){1, bytes, 1, bytes});
	return profile;
}

static void test_recursion_counts_once(void)
{
	static const char *const names[] = {"leaf", "f", "g", "f", "main"};
	struct compared c;

	compare(&c, "inuse_space", PROFILES(stack_of("1", 100, names, 5)),
		PROFILES(stack_of("2", 300, names, 5)), NULL);
	CHECK_UINT_EQ(c.diff.rows.n, 4);
	CHECK_NEAR(row_of(&c.diff, "leaf")->flat.sums[DIFF_NEW].value, 300, 0);
	CHECK_NEAR(row_of(&c.diff, "f")->flat.sums[DIFF_NEW].value, 0, 0);
	CHECK_NEAR(row_of(&c.diff, "f")->cumulative.sums[DIFF_NEW].value, 300, 0);
	CHECK_NEAR(row_of(&c.diff, "f")->cumulative.sums[DIFF_BASE].value, 100, 0);
	deinit(&c);
}

static void test_samples_without_a_stack_have_one_row(void)
{
	struct compared c;

	compare(&c, "inuse_space", PROFILES(stack_of("1", 100, NULL, 0)),
		PROFILES(stack_of("2", 300, NULL, 0)), NULL);
	CHECK_UINT_EQ(c.diff.rows.n, 1);
	CHECK_NEAR(flat_change(&c.diff, PROFILE_NO_STACK).base.value, 100, 0);
	CHECK_NEAR(flat_change(&c.diff, PROFILE_NO_STACK).new.value, 300, 0);
	deinit(&c);
}

/* --- what counts --------------------------------------------------------------------------- */

static void test_what_is_not_in_focus_does_not_count(void)
{
	regex_t focus;
	const struct filter_rules rules = {.focus = &focus};
	struct compared c;

	CHECK_INT_EQ(regcomp(&focus, "^a$", REG_EXTENDED), 0);
	compare(&c, "inuse_space", PROFILES(EXACT("1", {"a", 2}, {"b", 1})),
		PROFILES(EXACT("2", {"a", 5}, {"b", 4})), &rules);
	CHECK_NEAR(diff_change(&c.diff, &c.diff.total).base.value, 2000, 0);
	CHECK_NEAR(diff_change(&c.diff, &c.diff.total).new.value, 5000, 0);
	CHECK(!diff_has_samples(&row_of(&c.diff, "b")->cumulative));
	CHECK(diff_has_samples(&row_of(&c.diff, "a")->cumulative));
	CHECK_NEAR(c.diff.suppressed[DIFF_NEW], 0, 0);
	deinit(&c);
	regfree(&focus);
}

static void test_the_mean_of_what_is_suppressed(void)
{
	char pattern[] = "known";
	struct suppressions list = {0};
	const struct filter_rules rules = {.suppressions = &list};
	struct compared c;

	CHECK_INT_EQ(vec_push(&list.patterns, pattern), 0);
	compare(&c, "inuse_space", PROFILES(EXACT("1", {"a", 2}, {"known", 1})),
		PROFILES(EXACT("2", {"a", 2}, {"known", 3}), EXACT("3", {"a", 2}, {"known", 5})),
		&rules);
	CHECK_NEAR(c.diff.suppressed[DIFF_BASE], 1000, 0);
	CHECK_NEAR(c.diff.suppressed[DIFF_NEW], 4000, 0);
	CHECK_NEAR(diff_change(&c.diff, &c.diff.total).new.value, 2000, 0);
	deinit(&c);
	vec_deinit(&list.patterns);
}

/* --- errors -------------------------------------------------------------------------------- */

static void test_exact_profiles_have_no_error(void)
{
	struct compared c;
	struct estimated_change change;

	compare(&c, "inuse_space", PROFILES(EXACT("1", {"a", 2})), PROFILES(EXACT("2", {"a", 5})),
		NULL);
	change = flat_change(&c.diff, "a");
	CHECK(estimated_change_is_exact(&change));
	CHECK_NEAR(c.diff.interval[DIFF_BASE], 0, 0);
	CHECK_NEAR(change.base_unseen, 0, 0);
	deinit(&c);
}

static void test_the_mean_of_several_runs(void)
{
	struct compared c;
	struct estimated_change change, one;

	compare(&c, "inuse_space", PROFILES(SAMPLED("1", {"a", 40})),
		PROFILES(SAMPLED("2", {"a", 40}), SAMPLED("3", {"a", 40}), SAMPLED("4", {"a", 40})),
		NULL);
	change = flat_change(&c.diff, "a");
	CHECK_UINT_EQ(c.diff.n_runs[DIFF_BASE], 1);
	CHECK_UINT_EQ(c.diff.n_runs[DIFF_NEW], 3);
	CHECK_NEAR(change.new.value, change.base.value, 1e-6);
	/* The runs are equal, so their spread is 0, and the larger error, that from theory, counts:
	 * the variance of a mean of three is a third of one run's. */
	CHECK_NEAR(change.new.variance / change.base.variance, 1.0 / 3, 1e-9);
	CHECK(isinf(change.new_freedom) && isinf(change.base_freedom));
	CHECK_NEAR(c.diff.interval[DIFF_NEW], HEAP_INTERVAL, 0);
	CHECK_NEAR(change.base_unseen, HEAP_INTERVAL, 0);
	CHECK_NEAR(change.new_unseen, HEAP_INTERVAL / 3.0, 1e-9);
	one = diff_change(&c.diff, &c.diff.total);
	CHECK_NEAR(one.new.value, change.new.value, 1e-6);
	deinit(&c);
}

/* The values x = 2,000, 4,000 and 9,000 have the mean 5,000. The mean's variance is (sum x^2 - (sum
 * x)^2 / 3) / 2 / 3 = 4,333,333. */
static void test_runs_that_differ_have_the_error_of_their_spread(void)
{
	struct compared c;
	struct estimated_change change;

	compare(&c, "inuse_space", PROFILES(EXACT("1", {"a", 5})),
		PROFILES(EXACT("2", {"a", 2}), EXACT("3", {"a", 4}), EXACT("4", {"a", 9})), NULL);
	change = flat_change(&c.diff, "a");
	CHECK_NEAR(change.new.value, 5000, 1e-9);
	CHECK_NEAR(change.new.variance, 13e6 / 3, 1e-3);
	CHECK_NEAR(change.new.third, 0, 0);
	CHECK_NEAR(change.new.seen, 0, 0);
	CHECK_NEAR(change.new_freedom, 2, 0);
	CHECK_NEAR(change.base.variance, 0, 0);
	deinit(&c);
}

/* In a run whose profile lacks the function, the function has nothing in use. */
static void test_a_run_without_the_function_counts(void)
{
	struct compared c;

	compare(&c, "inuse_space", PROFILES(EXACT("1", {"a", 4})),
		PROFILES(EXACT("2", {"a", 4}), EXACT("3", {"b", 1})), NULL);
	CHECK_NEAR(flat_change(&c.diff, "a").new.value, 2000, 1e-9);
	/* The values are 4,000 and 0. */
	CHECK_NEAR(flat_change(&c.diff, "a").new.variance, 4e6, 1e-3);
	deinit(&c);
}

/* Nothing was allocated between the two dumps, so all samples of the second are also in the first.
 */
static void test_two_dumps_of_one_run_share_samples(void)
{
	struct compared c;
	struct estimated_change change;

	compare(&c, "inuse_space", PROFILES(SAMPLED("1", {"a", 40})),
		PROFILES(SAMPLED("1", {"a", 40})), NULL);
	change = flat_change(&c.diff, "a");
	CHECK_NEAR(change.shared.n, 40, 0.1);
	CHECK_NEAR(change.shared.variance / change.new.variance, 1, 1e-2);
	deinit(&c);
	compare(&c, "inuse_space", PROFILES(SAMPLED("1", {"a", 40})),
		PROFILES(SAMPLED("2", {"a", 40})), NULL);
	CHECK_NEAR(flat_change(&c.diff, "a").shared.n, 0, 0);
	deinit(&c);
}

/* --- edges --------------------------------------------------------------------------------- */

static void test_profiles_without_samples(void)
{
	struct compared c;

	compare(&c, "inuse_space", PROFILES(heap_profile_new("1", 1)),
		PROFILES(heap_profile_new("2", 1)), NULL);
	CHECK_UINT_EQ(c.diff.rows.n, 0);
	CHECK(!diff_has_samples(&c.diff.total));
	diff_sort(&c.diff);
	deinit(&c);
}

static void test_order(void)
{
	static const char *const expected[] = {"down", "up", "little", "same a", "same b"};
	struct compared c;

	compare(&c, "inuse_space",
		PROFILES(EXACT("1", {"same b", 1}, {"same a", 1}, {"down", 9}, {"little", 1})),
		PROFILES(EXACT("2", {"same b", 1}, {"same a", 1}, {"little", 2}, {"up", 5})), NULL);
	diff_sort(&c.diff);
	CHECK_UINT_EQ(c.diff.rows.n, 5);
	for (size_t i = 0; i < c.diff.rows.n && i < 5; i++)
		CHECK_STR_EQ(diff_name(&c.diff, &c.diff.rows.items[i]), expected[i]);
	deinit(&c);
}

TEST_MAIN(TEST(test_functions_of_both_sides_have_rows), TEST(test_another_sample_type),
	  TEST(test_files_may_have_moved), TEST(test_recursion_counts_once),
	  TEST(test_samples_without_a_stack_have_one_row),
	  TEST(test_what_is_not_in_focus_does_not_count), TEST(test_the_mean_of_what_is_suppressed),
	  TEST(test_exact_profiles_have_no_error), TEST(test_the_mean_of_several_runs),
	  TEST(test_runs_that_differ_have_the_error_of_their_spread),
	  TEST(test_a_run_without_the_function_counts),
	  TEST(test_two_dumps_of_one_run_share_samples), TEST(test_profiles_without_samples),
	  TEST(test_order))
