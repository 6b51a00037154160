/* SPDX-License-Identifier: MIT */
#include "analysis/estimate.h"

#include <math.h>

#include "test.h"

#define R 524288.0

/* Returns a profile as readers make it, with one sample: the estimate from `n` recorded blocks of
 * `size` bytes. */
static struct profile *make_profile(double n, double size)
{
	struct profile *profile = profile_new();
	double factor = 1 / (1 - exp(-size / R));
	struct profile_label label = {
		.key = profile_intern(profile, "bytes"),
		.number = (int64_t)size,
	};
	struct profile_sample key = {
		.stack = profile_add_stack(profile, NULL, 0),
		.labels = profile_add_labels(profile, &label, 1),
	};

	profile_add_sample_type(profile, "inuse_objects", "count");
	profile_add_sample_type(profile, "inuse_space", "bytes");
	profile_add_sample(profile, key,
			   (int64_t[]){llround(n * factor), llround(n * size * factor)});
	profile->period_type.unit = profile_intern(profile, "bytes");
	profile->period = (int64_t)R;
	return profile;
}

/* The number of recorded blocks, the variance and the third moment follow from a profile's values.
 * Each recorded block of value v contributes v^2 (1-p)/p^2 to the variance. */
static void test_moments(void)
{
	double sizes[] = {1, 100, 4096, R, 4 * R};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		double p = 1 - exp(-sizes[i] / R), s = sizes[i], n = 400;
		struct profile *profile = make_profile(n, s);
		struct sampling sampling;
		struct estimate bytes, objects;

		sampling_init(&sampling, profile, 1);
		CHECK(sampling_is_sampled(&sampling));
		bytes = sampling_estimate(&sampling, 0);
		sampling_init(&sampling, profile, 0);
		objects = sampling_estimate(&sampling, 0);
		CHECK_NEAR(bytes.n, n, 0.3);
		CHECK_NEAR(bytes.value / (n * s / p), 1, 1e-4);
		CHECK_NEAR(bytes.variance / (n * (1 - p) / p / p * s * s), 1, 2e-3);
		CHECK_NEAR(objects.variance / (n * (1 - p) / p / p), 1, 2e-3);
		CHECK_NEAR(bytes.third / (n * (1 - p) * (1 - 2 * p) * pow(s / p, 3)), 1, 2e-3);
		profile_free(profile);
	}
}

static void test_exact_profiles_have_no_error(void)
{
	struct profile *profile = make_profile(4, 100);
	struct sampling sampling;
	struct estimate estimate;

	profile->period = 1;
	sampling_init(&sampling, profile, 1);
	estimate = sampling_estimate(&sampling, 0);
	CHECK(!sampling_is_sampled(&sampling));
	CHECK_NEAR(estimate.variance, 0, 0);
	CHECK(estimate.value > 0);
	profile_free(profile);
}

/* In a profile that was merged from several, a sample may have an interval of its own. */
static void test_a_sample_with_its_own_interval(void)
{
	struct profile *profile = make_profile(7, 4096);
	uint32_t bytes = profile_intern(profile, "bytes");
	double error = 0;

	for (int64_t interval = 1; interval <= 4; interval *= 4) {
		struct profile_label labels[] = {
			{.key = bytes, .number = 4},
			{.key = profile_intern(profile, "sample_interval"),
			 .unit = bytes,
			 .number = interval},
		};
		struct profile_sample key = {.labels = profile_add_labels(profile, labels, 2)};
		uint32_t sample = profile_add_sample(profile, key, (int64_t[]){10, 40});
		struct sampling sampling;
		struct estimate estimate;

		sampling_init(&sampling, profile, 1);
		estimate = sampling_estimate(&sampling, sample);
		error = interval > 1 ? exp(-1.0) / (1 - exp(-1.0)) * 10 * 4 * 4 : 0;
		CHECK_NEAR(estimate.value, 40, 0);
		CHECK_NEAR(estimate.variance, error, 1e-6 * error);
		CHECK_NEAR(estimate.n, interval > 1 ? 10 * (1 - exp(-1.0)) : 10, 1e-6);
		CHECK_NEAR(sampling_estimate(&sampling, 0).n, 7, 0.3);
	}
	profile_free(profile);
}

/* Returns the estimate of n recorded blocks that count 1 each. For tiny blocks, the variance and
 * the third moment are n. */
static struct estimate few(double n)
{
	return (struct estimate){.value = n, .variance = n, .third = n, .n = n};
}

/* The bounds are n + z^2/2 +- z sqrt(n + z^2/4). With n = 9 and z = 2 these are 9 + 2 +- 2
 * sqrt(10). */
static void test_score_interval(void)
{
	struct estimate nine = few(9), none = {0};
	struct bounds bounds = estimate_bounds(&nine, 2, 3);

	CHECK_NEAR(bounds.low, 11 - 2 * sqrt(10), 1e-12);
	CHECK_NEAR(bounds.high, 11 + 2 * sqrt(10), 1e-12);
	bounds = estimate_bounds(&none, 2, 3 * R);
	CHECK_NEAR(bounds.low, 0, 0);
	CHECK_NEAR(bounds.high, 3 * R, 0);
}

/* A block of 8 R is missed once in 3,000 times. One that was recorded certainly existed, so the
 * lower bound is not below 8 R. */
static void test_what_was_seen_was_there(void)
{
	struct sampling sampling = {.is_bytes = true, .interval = R};
	struct estimate large = sampling_weigh(&sampling, 1, 8 * R), small, both;
	struct bounds bounds = estimate_bounds(&large, 1.96, 0);

	CHECK(bounds.low >= 8 * R && bounds.low <= large.value);
	CHECK_NEAR(large.value, 8 * R, 0.01 * R);
	CHECK(bounds.high < 8.1 * R);
	bounds = estimate_bounds(&large, 1.96, 3 * R);
	CHECK_NEAR(bounds.high, large.value + 3 * R, 1e-6);
	small = sampling_weigh(&sampling, 10, 16);
	bounds = estimate_bounds(&small, 1.96, 0);
	CHECK(bounds.low > 3 * R && bounds.low < 6 * R);
	both = large;
	estimate_add(&both, &small);
	both = estimate_less(&both, &small);
	CHECK_NEAR(both.seen, 8 * R, 1e-6);
	both.value = -both.value;
	bounds = estimate_bounds(&both, 1.96, 0);
	CHECK(bounds.low <= both.value);
}

/* --- how a profile was sampled --------------------------------------------------------------- */

static struct profile *profile_of_types(const char *const (*types)[2], size_t n)
{
	struct profile *profile = profile_new();

	for (size_t i = 0; i < n; i++)
		profile_add_sample_type(profile, types[i][0], types[i][1]);
	profile->period_type.unit = profile_intern(profile, "bytes");
	profile->period = (int64_t)R;
	return profile;
}

static void test_values_find_their_bytes_and_objects(void)
{
	static const char *const types[][2] = {
		{"alloc_objects", "count"}, {"alloc_space", "bytes"}, {"inuse_objects", "count"},
		{"inuse_space", "bytes"},   {"contentions", "count"},
	};
	struct profile *profile = profile_of_types(types, 5);
	struct sampling sampling;

	for (size_t i = 0; i < 4; i++) {
		sampling_init(&sampling, profile, i);
		CHECK_INT_EQ(sampling.objects, i < 2 ? 0 : 2);
		CHECK_INT_EQ(sampling.bytes, i < 2 ? 1 : 3);
		CHECK_INT_EQ(sampling.is_bytes, i % 2 == 1);
		CHECK(sampling_is_sampled(&sampling));
	}
	sampling_init(&sampling, profile, 4);
	CHECK_INT_EQ(sampling.objects, -1);
	CHECK_INT_EQ(sampling.bytes, -1);
	CHECK(!sampling_is_sampled(&sampling));
	profile_free(profile);
}

/* A CPU profile has a period as well, but that is not a sample interval. */
static void test_a_period_of_other_units_is_no_interval(void)
{
	struct profile *profile = make_profile(4, 100);
	struct sampling sampling;

	profile->period_type.unit = profile_intern(profile, "nanoseconds");
	sampling_init(&sampling, profile, 1);
	CHECK_NEAR(sampling.interval, 0, 0);
	CHECK(!sampling_is_sampled(&sampling));
	profile_free(profile);
}

/* --- sizes ----------------------------------------------------------------------------------- */

/* Returns a profile with one sample of `objects` and `bytes`. Its label gives the size `labelled`,
 * unless that is 0. */
static struct profile *profile_of_values(int64_t objects, int64_t bytes, int64_t labelled)
{
	static const char *const types[][2] = {{"inuse_objects", "count"},
					       {"inuse_space", "bytes"}};
	struct profile *profile = profile_of_types(types, 2);
	struct profile_label label = {
		.key = profile_intern(profile, "bytes"),
		.number = labelled,
	};
	struct profile_sample key = {
		.stack = profile_add_stack(profile, NULL, 0),
		.labels = profile_add_labels(profile, &label, labelled ? 1 : 0),
	};

	profile_add_sample(profile, key, (int64_t[]){objects, bytes});
	return profile;
}

static void check_sizes(int64_t objects, int64_t bytes, int64_t labelled, double size,
			double own_size)
{
	struct profile *profile = profile_of_values(objects, bytes, labelled);
	struct sampling sampling;

	sampling_init(&sampling, profile, 1);
	CHECK_NEAR(sampling_size(&sampling, 0), size, 0);
	CHECK_NEAR(sampling_own_size(&sampling, 0), own_size, 0);
	profile_free(profile);
}

static void test_sizes(void)
{
	check_sizes(10, 1000, 96, 96, 96);      /* the mean of 10 rounded objects is inexact */
	check_sizes(1000, 100000, 96, 96, 100); /* that of 1,000 is as good as exact */
	check_sizes(10, 1000, 0, 100, 100);     /* there is no label */
	check_sizes(0, 0, 0, 0, 0);             /* the size is not known */
	check_sizes(0, 0, 96, 96, 96);          /* everything was freed */
	check_sizes(10, -1000, 0, 0, 0);        /* a size is never negative */
}

static void test_a_size_that_is_not_known_has_no_samples(void)
{
	struct sampling sampling = {.interval = R};

	CHECK_NEAR(sampling_count(&sampling, 1000, 0), 0, 0);
	CHECK_NEAR(sampling_count(&sampling, 1000, -1), 0, 0);
	CHECK_NEAR(sampling_count(&sampling, -1000, 10), sampling_count(&sampling, 1000, 10), 0);
}

/* --- sums ------------------------------------------------------------------------------------ */

static void test_what_was_added_can_be_taken_away(void)
{
	struct sampling sampling = {.is_bytes = true, .interval = R};
	struct estimate large = sampling_weigh(&sampling, 3, R), small, sum;

	small = sampling_weigh(&sampling, 5, 100);
	sum = large;
	estimate_add(&sum, &small);
	CHECK_NEAR(sum.n, 8, 0);
	sum = estimate_less(&sum, &small);
	CHECK_NEAR(sum.n, 3, 1e-12);
	CHECK_NEAR(sum.value, large.value, 1e-6);
	CHECK_NEAR(sum.variance / large.variance, 1, 1e-12);
	CHECK_NEAR(sum.seen, large.seen, 1e-6);
	CHECK_NEAR(sum.missed_value, large.missed_value, 1e-6);
}

/* If a part is nearly the whole, the difference is only a rounding error. It has no variance and no
 * samples. */
static void test_a_trace_of_rounding_has_no_moments(void)
{
	struct estimate whole = few(9), part = few(8.9);
	struct estimate rest = estimate_less(&whole, &part);

	CHECK_NEAR(rest.value, 0.1, 1e-12);
	CHECK_NEAR(rest.n, 0, 0);
	CHECK_NEAR(rest.variance, 0, 0);
	CHECK_NEAR(rest.third, 0, 0);
}

/* Only a block of half an interval or more has so much weight that missing it matters. */
static void test_large_blocks_may_be_missed(void)
{
	struct sampling sampling = {.is_bytes = true, .interval = R};
	struct estimate below = sampling_weigh(&sampling, 1, R / 2 - 1);
	struct estimate above = sampling_weigh(&sampling, 1, R / 2);

	CHECK_NEAR(below.missed, 0, 0);
	CHECK_NEAR(below.missed_value, 0, 0);
	CHECK_NEAR(above.missed, exp(-0.5) / (1 - exp(-0.5)), 1e-12);
	CHECK(above.missed_value > R / 2);
}

TEST_MAIN(TEST(test_moments), TEST(test_exact_profiles_have_no_error),
	  TEST(test_a_sample_with_its_own_interval), TEST(test_score_interval),
	  TEST(test_what_was_seen_was_there), TEST(test_values_find_their_bytes_and_objects),
	  TEST(test_a_period_of_other_units_is_no_interval), TEST(test_sizes),
	  TEST(test_a_size_that_is_not_known_has_no_samples),
	  TEST(test_what_was_added_can_be_taken_away),
	  TEST(test_a_trace_of_rounding_has_no_moments), TEST(test_large_blocks_may_be_missed))
