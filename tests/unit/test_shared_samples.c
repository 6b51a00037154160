/* SPDX-License-Identifier: MIT */
#include "analysis/shared_samples.h"

#include "heap_profile.h"

#define SIZE   4096
#define VALUES 3 /* index of the values of inuse_space */

static struct profile *dump(const char *run, double inuse, double allocated)
{
	struct profile *profile = heap_profile_new(run, HEAP_INTERVAL);

	heap_profile_add(profile, "f", "", SIZE, inuse, allocated);
	CHECK_INT_EQ(profile_status(profile), 0);
	return profile;
}

/* Returns how many of the new profile's samples are shared. Frees both profiles. */
static double shared_of(struct profile *base, struct profile *new)
{
	struct shared_samples shared;
	double n = 0;

	CHECK_INT_EQ(shared_samples_init(&shared, base, VALUES, new, VALUES), 0);
	CHECK_UINT_EQ(shared.n.n, new->samples.n);
	vec_foreach (part, &shared.n)
		n += *part;
	shared_samples_deinit(&shared);
	profile_free(base);
	profile_free(new);
	return n;
}

static bool is_one(const char *base_run, const char *new_run, int64_t interval)
{
	struct profile *base = dump(base_run, 1, 1), *new = dump(new_run, 1, 1);
	bool is_one;

	new->period = interval;
	is_one = shared_samples_is_one_run(base, new);
	profile_free(base);
	profile_free(new);
	return is_one;
}

static void test_one_run(void)
{
	CHECK(is_one("7", "7", HEAP_INTERVAL));
	CHECK(!is_one("7", "8", HEAP_INTERVAL));
	CHECK(!is_one("", "", HEAP_INTERVAL));
	CHECK(!is_one("7", "7", HEAP_INTERVAL / 2));
}

/* The samples of two intervals can't be counted together. */
static void test_several_intervals_are_no_run(void)
{
	struct profile *base = dump("7", 1, 1), *new = dump("7", 1, 1);
	struct profile_label label = {
		.key = profile_intern(new, "sample_interval"),
		.unit = profile_intern(new, "bytes"),
		.number = 1,
	};

	CHECK(shared_samples_is_one_run(base, new));
	profile_add_labels(new, &label, 1);
	CHECK(!shared_samples_is_one_run(base, new));
	CHECK(!shared_samples_is_one_run(new, base));
	profile_free(base);
	profile_free(new);
}

/* A merged profile has the comments of all its runs, in alphabetical order. So the first run of two
 * profiles may be the same although the others are not. */
static void test_merged_runs_are_no_run(void)
{
	for (int i = 0; i < 3; i++) {
		struct profile *base = dump("7", 1, 1), *new = dump("7", 1, 1);

		CHECK(shared_samples_is_one_run(base, new));
		if (i != 1)
			profile_add_comment(base, "run: 8", 6);
		if (i != 0)
			profile_add_comment(new, "run: 9", 6);
		CHECK(!shared_samples_is_one_run(base, new));
		profile_free(base);
		profile_free(new);
	}
}

static void test_what_stays_is_shared(void)
{
	CHECK_NEAR(shared_of(dump("7", 100, 100), dump("7", 100, 100)), 100, 0.1);
	/* 30 samples came, none went */
	CHECK_NEAR(shared_of(dump("7", 100, 100), dump("7", 130, 130)), 100, 0.1);
	/* 30 samples went, none came */
	CHECK_NEAR(shared_of(dump("7", 100, 100), dump("7", 70, 100)), 70, 0.1);
}

/* All samples that came since the base may still be in use, so only the others are certainly
 * shared. */
static void test_what_came_is_not(void)
{
	CHECK_NEAR(shared_of(dump("7", 100, 100), dump("7", 100, 140)), 60, 0.1);
	CHECK_NEAR(shared_of(dump("7", 100, 100), dump("7", 100, 500)), 0, 0.1);
	CHECK_NEAR(shared_of(dump("7", 0, 100), dump("7", 50, 150)), 0, 0.1);
}

static void test_counts_that_run_backwards(void)
{
	CHECK_NEAR(shared_of(dump("7", 100, 200), dump("7", 100, 150)), 0, 0);
}

/* Samples whose sizes are of one class are of one record, so they are shared even if its mean size
 * has changed. Samples of different classes are not shared. */
static void test_size_classes(void)
{
	struct profile *base = heap_profile_new("7", HEAP_INTERVAL);
	struct profile *new = heap_profile_new("7", HEAP_INTERVAL);

	heap_profile_add(base, "f", "", 4100, 50, 50);
	heap_profile_add(new, "f", "", 4110, 50, 50);
	CHECK_NEAR(shared_of(base, new), 50, 0.5);
	base = heap_profile_new("7", HEAP_INTERVAL);
	new = heap_profile_new("7", HEAP_INTERVAL);
	heap_profile_add(base, "f", "", 4100, 50, 50);
	heap_profile_add(new, "f", "", 8200, 50, 50);
	CHECK_NEAR(shared_of(base, new), 0, 0);
}

/* Exact profiles have no samples, so there is nothing to share. */
static void test_exact_profiles(void)
{
	struct profile *base = heap_profile_new("7", 1), *new = heap_profile_new("7", 1);

	heap_profile_add(base, "f", "", SIZE, 50, 50);
	heap_profile_add(new, "f", "", SIZE, 50, 50);
	CHECK_NEAR(shared_of(base, new), 0, 0);
}

TEST_MAIN(TEST(test_one_run), TEST(test_several_intervals_are_no_run),
	  TEST(test_merged_runs_are_no_run), TEST(test_what_stays_is_shared),
	  TEST(test_what_came_is_not), TEST(test_counts_that_run_backwards),
	  TEST(test_size_classes), TEST(test_exact_profiles))
