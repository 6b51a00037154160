/* SPDX-License-Identifier: MIT */
#include "analysis/common_interval.h"

#include "heap_profile.h"
#include "model/sample_labels.h"

/* Returns a dump with one sample of 100 bytes, which has the level `level` unless that is 0. */
static struct profile *dump(const char *run, int64_t interval, int64_t level)
{
	struct profile *profile = heap_profile_new(run, interval);
	struct profile_label label = {
		.key = profile_intern(profile, SAMPLE_LABEL_LEVEL),
		.unit = profile_intern(profile, SAMPLE_LABEL_UNIT),
		.number = level,
	};
	struct profile_sample key = {
		.stack = profile_add_stack(profile, NULL, 0),
		.labels = profile_add_labels(profile, &label, level > 0),
	};

	profile_add_sample(profile, key, (int64_t[]){1, 100, 1, 100});
	return profile;
}

/* Gives three dumps a common interval; checks their intervals afterwards, and frees them. */
static void check(struct profile *a, struct profile *b, struct profile *c,
		  const int64_t expected[3])
{
	struct profile *all[] = {a, b, c};

	CHECK_INT_EQ(common_interval_set(all, 3), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_INT_EQ(all[i]->period, expected[i]);
		profile_free(all[i]);
	}
}

static void test_dumps_of_one_run_get_the_largest_interval(void)
{
	const int64_t largest[] = {64, 64, 64};

	check(dump("7", 1, 64), dump("7", 16, 16), dump("7", 64, 64), largest);
	check(dump("7", 64, 64), dump("7", 64, 64), dump("7", 1, 1), largest);
	check(dump("7", 64, 0), dump("7", 64, 0), dump("7", 1, 1), largest);
}

static void test_several_runs_keep_their_intervals(void)
{
	const int64_t same[] = {1, 16, 64};

	check(dump("7", 1, 64), dump("8", 16, 16), dump("7", 64, 64), same);
	check(dump("", 1, 64), dump("", 16, 16), dump("", 64, 64), same);
}

static void test_dumps_without_levels_keep_their_intervals(void)
{
	const int64_t same[] = {1, 16, 64};

	check(dump("7", 1, 64), dump("7", 16, 0), dump("7", 64, 64), same);
}

static void test_no_dump(void)
{
	CHECK_INT_EQ(common_interval_set(NULL, 0), 0);
}

TEST_MAIN(TEST(test_dumps_of_one_run_get_the_largest_interval),
	  TEST(test_several_runs_keep_their_intervals),
	  TEST(test_dumps_without_levels_keep_their_intervals), TEST(test_no_dump))
