/* SPDX-License-Identifier: MIT */
#include "transform/thin.h"

#include <errno.h>

#include "heap_profile.h"
#include "model/sample_labels.h"

/* Adds a sample of `inuse` blocks in use, of `allocated` blocks, that were sampled at the profile's
 * interval and have together `bytes` and `alloc_bytes`. A level of 0 is none. */
static void add(struct profile *profile, int64_t level, int64_t inuse, int64_t bytes,
		int64_t allocated, int64_t alloc_bytes)
{
	uint32_t location = heap_profile_add_function(profile, "f", "");
	double size = (double)bytes / (double)inuse;
	double alloc_size = (double)alloc_bytes / (double)allocated;
	double weight = heap_profile_weight(profile, size);
	double alloc_weight = heap_profile_weight(profile, alloc_size);
	struct profile_label labels[] = {
		{.key = profile_intern(profile, SAMPLE_LABEL_SIZE), .number = bytes / inuse},
		{.key = profile_intern(profile, SAMPLE_LABEL_LEVEL),
		 .unit = profile_intern(profile, SAMPLE_LABEL_UNIT),
		 .number = level},
	};
	struct profile_sample key = {
		.stack = profile_add_stack(profile, &location, 1),
		.labels = profile_add_labels(profile, labels, level ? 2 : 1),
	};

	profile_add_sample(profile, key,
			   (int64_t[]){llround((double)allocated * alloc_weight),
				       llround((double)alloc_bytes * alloc_weight),
				       llround((double)inuse * weight),
				       llround((double)bytes * weight)});
}

static void check_values(const struct profile *profile, size_t sample, double inuse, double bytes,
			 double allocated, double alloc_bytes, double error)
{
	const int64_t *values = profile_values(profile, sample);

	CHECK_NEAR((double)values[0], allocated, 1 + error * allocated);
	CHECK_NEAR((double)values[1], alloc_bytes, 1 + error * alloc_bytes);
	CHECK_NEAR((double)values[2], inuse, 1 + error * inuse);
	CHECK_NEAR((double)values[3], bytes, 1 + error * bytes);
}

static void test_low_levels_are_taken_away(void)
{
	struct profile *profile = heap_profile_new("7", 16);

	add(profile, 16, 3, 300, 4, 400);
	add(profile, 32, 3, 300, 4, 400);
	add(profile, 64, 3, 300, 4, 400);
	thin_profile(profile, 32);
	CHECK_INT_EQ(profile_status(profile), 0);
	CHECK_INT_EQ(profile->period, 32);
	check_values(profile, 0, 0, 0, 0, 0, 0);
	CHECK(profile_values(profile, 1)[3] > 0);
	CHECK(profile_values(profile, 2)[3] > 0);
	profile_free(profile);
}

struct blocks {
	int64_t inuse, bytes, allocated, alloc_bytes;
};

/* What stays has the values that a dump at the larger interval would have: of n blocks with the
 * mean size s, n / p. `error` allows for the rounding of values and of the label with the size. */
static void check_thinned(int64_t from, int64_t to, const struct blocks *blocks, double error)
{
	struct profile *profile = heap_profile_new("7", from), *later = heap_profile_new("7", to);
	const int64_t *expected;

	add(profile, 1 << 19, blocks->inuse, blocks->bytes, blocks->allocated, blocks->alloc_bytes);
	add(later, 1 << 19, blocks->inuse, blocks->bytes, blocks->allocated, blocks->alloc_bytes);
	thin_profile(profile, to);
	expected = profile_values(later, 0);
	check_values(profile, 0, (double)expected[2], (double)expected[3], (double)expected[0],
		     (double)expected[1], error);
	profile_free(profile);
	profile_free(later);
}

/* If p is close to 1 at the smaller interval and small at the larger, an error of the mean size
 * would be an error of the result. */
static void test_what_stays_counts_for_more(void)
{
	const struct blocks class = {7, 171, 100, 2430}; /* blocks of 24 and 25 bytes */
	const struct blocks bytes = {7, 7, 9, 9}, one = {1, 37, 1, 37};
	const struct blocks hundred = {1, 100, 1, 100}, larger = {2, 2000, 100, 103000};

	check_thinned(1, 2, &class, 0.005);
	check_thinned(1, 4096, &class, 0.005);
	check_thinned(2, 4096, &class, 0.005);
	check_thinned(64, 128, &class, 0.005);
	check_thinned(1024, 1 << 19, &class, 0.005);
	check_thinned(1, 2, &bytes, 0);
	check_thinned(1, 1 << 19, &bytes, 0);
	/* The block counts as 1.11 at 16, rounded to 1; only the label says that it has 37 bytes.
	 */
	check_thinned(16, 4096, &one, 0);
	/* It counts as 1.27, with 127 bytes; the steps alone would end at 102 bytes, 2 % off. */
	check_thinned(64, 1 << 19, &hundred, 0.015);
	/* Freed blocks may be larger, within the class. */
	check_thinned(16, 1 << 19, &larger, 0.001);
}

/* Rounding is carried over: 1,000 samples of 1.58 objects each are 1,582. */
static void test_rounding_adds_up(void)
{
	struct profile *profile = heap_profile_new("7", 1);
	double sum = 0;

	for (int64_t i = 0; i < 1000; i++)
		add(profile, 4096 + i, 1, 4096, 1, 4096);
	thin_profile(profile, 4096);
	for (size_t i = 0; i < profile->samples.n; i++)
		sum += (double)profile_values(profile, i)[2];
	CHECK_NEAR(sum, 1000 / (1 - exp(-1)), 1);
	profile_free(profile);
}

static void test_every_sample_needs_a_level(void)
{
	struct profile *profile = heap_profile_new("7", 16);

	CHECK(thin_is_possible(profile)); /* no sample lacks it */
	add(profile, 16, 3, 300, 4, 400);
	CHECK(thin_is_possible(profile));
	profile->kept_interval = 16;
	CHECK(!thin_is_possible(profile));
	profile->kept_interval = 0;
	add(profile, 0, 3, 300, 4, 400);
	CHECK(!thin_is_possible(profile));
	profile_free(profile);
}

static void test_other_profiles_can_not_be_thinned(void)
{
	struct profile *none = profile_new(), *unknown = heap_profile_new("7", 0);
	struct profile *merged = heap_profile_new("7", 16);
	struct profile_label label = {
		.key = profile_intern(merged, SAMPLE_LABEL_INTERVAL),
		.unit = profile_intern(merged, SAMPLE_LABEL_UNIT),
		.number = 1,
	};

	profile_add_labels(merged, &label, 1);
	CHECK(!thin_is_possible(none));
	CHECK(!thin_is_possible(unknown));
	CHECK(!thin_is_possible(merged));
	profile_free(none);
	profile_free(unknown);
	profile_free(merged);
}

/* Numbers as only a forged file has them. */
static void test_values_beyond_64_bits(void)
{
	struct profile *profile = heap_profile_new("7", 1);

	add(profile, INT64_C(1) << 62, 1, 1, INT64_C(1) << 60, INT64_C(1) << 60);
	thin_profile(profile, INT64_C(1) << 61);
	CHECK_INT_EQ(profile_status(profile), -EOVERFLOW);
	profile_free(profile);
}

TEST_MAIN(TEST(test_low_levels_are_taken_away), TEST(test_what_stays_counts_for_more),
	  TEST(test_rounding_adds_up), TEST(test_every_sample_needs_a_level),
	  TEST(test_other_profiles_can_not_be_thinned), TEST(test_values_beyond_64_bits))
