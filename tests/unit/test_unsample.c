/* SPDX-License-Identifier: MIT */
#include "model/unsample.h"

#include <errno.h>
#include <math.h>

#include "test.h"

#define R (512 * 1024)

static void test_factors(void)
{
	CHECK_NEAR(unsample_factor(1, R, R), 1 / (1 - exp(-1)), 1e-12);
	CHECK_NEAR(unsample_factor(10, 10 * R, R), 1 / (1 - exp(-1)), 1e-12);
	/* Because 1/(1-exp(-x)) = 1/x + 1/2 + ... */
	CHECK_NEAR(unsample_factor(1, 1, R), R + 0.5, 1e-3);
	CHECK_NEAR(unsample_factor(1, INT64_C(1) << 40, R), 1, 0);
	CHECK_NEAR(unsample_factor(1, 16, 1), 1, 0);
}

static void test_exact_counts_stay(void)
{
	struct unsampler unsampler = {0};
	int64_t objects = 7, bytes = 0;

	CHECK_INT_EQ(unsample(&unsampler, 1, &objects, &bytes), 0);
	CHECK_INT_EQ(objects, 7);
	CHECK_INT_EQ(unsample(&unsampler, 0, &objects, &bytes), 0);
	CHECK_INT_EQ(objects, 7);
}

static void test_samples_of_nothing_count_nothing(void)
{
	struct unsampler unsampler = {0};
	int64_t objects = 7, bytes = 0;

	CHECK_INT_EQ(unsample(&unsampler, R, &objects, &bytes), 0);
	CHECK_INT_EQ(objects, 0);
}

/* 1,000 samples of 1.58 objects each are 1,582 objects. Remainders are carried over, and no sample
 * is rounded to 0 or 3. */
static void test_the_sum_is_right(void)
{
	struct unsampler unsampler = {0};
	double each = 1 / (1 - exp(-1)), sum = 0;
	int64_t total = 0, total_bytes = 0;

	for (int i = 0; i < 1000; i++) {
		int64_t objects = 1, bytes = R;

		CHECK_INT_EQ(unsample(&unsampler, R, &objects, &bytes), 0);
		CHECK_NEAR((double)objects, each, 1);
		CHECK_NEAR((double)bytes, each * R, 1);
		total += objects;
		total_bytes += bytes;
		sum += each;
		CHECK_NEAR((double)total, sum, 0.5 + 1e-9);
	}
	CHECK_INT_EQ(total, 1582);
	CHECK_NEAR((double)total_bytes, sum * R, 0.5 + 1e-3);
}

static void test_taking_away(void)
{
	struct unsampler unsampler = {0};
	int64_t objects = -1, bytes = -R;

	CHECK_INT_EQ(unsample(&unsampler, R, &objects, &bytes), 0);
	CHECK_NEAR((double)objects, -1 / (1 - exp(-1)), 1);
}

static void test_what_64_bits_do_not_hold(void)
{
	struct unsampler unsampler = {0};
	int64_t objects = INT64_MAX, bytes = INT64_MAX;

	CHECK_INT_EQ(unsample(&unsampler, R, &objects, &bytes), -EOVERFLOW);
}

TEST_MAIN(TEST(test_factors), TEST(test_exact_counts_stay),
	  TEST(test_samples_of_nothing_count_nothing), TEST(test_the_sum_is_right),
	  TEST(test_taking_away), TEST(test_what_64_bits_do_not_hold))
