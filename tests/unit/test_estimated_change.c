/* SPDX-License-Identifier: MIT */
#include "analysis/estimated_change.h"

#include <math.h>

#include "analysis/statistics.h"
#include "test.h"

#define R 524288.0

/* Returns the estimate of n recorded blocks that count 1 each. For tiny blocks, the variance and
 * the third moment are n. */
static struct estimate few(double n)
{
	return (struct estimate){.value = n, .variance = n, .third = n, .n = n};
}

static struct estimated_change make_change(double base, double new, double shared)
{
	return (struct estimated_change){
		.base = few(base),
		.new = few(new),
		.shared = few(shared),
		.base_freedom = STATISTICS_NORMAL,
		.new_freedom = STATISTICS_NORMAL,
		.base_unseen = 1,
		.new_unseen = 1,
	};
}

/* Without a limit, z is (100 - 64) / sqrt(100 + 64), after the excess is reduced by 1, a sample's
 * worth. With a limit of 25 %, the variance is 100 + 1.25^2 * 64 = 200, and a sample's worth is
 * (100 + 1.25^3 * 64) / 200. */
static void test_p_values(void)
{
	struct estimated_change change = make_change(64, 100, 0);
	double z = 35 / sqrt(164), step = (100 + pow(1.25, 3) * 64) / 200;

	CHECK_NEAR(estimated_change_p_value(&change, 1, 0), statistics_tail(z, STATISTICS_NORMAL),
		   1e-12);
	z = (100 - 80 - step) / sqrt(200);
	CHECK_NEAR(estimated_change_p_value(&change, 1.25, 0),
		   statistics_tail(z, STATISTICS_NORMAL), 1e-12);
	z = (36 - 30 - 1) / sqrt(164);
	CHECK_NEAR(estimated_change_p_value(&change, 1, 30), statistics_tail(z, STATISTICS_NORMAL),
		   1e-12);
}

/* If nothing has changed, n samples on one side and none on the other are as likely as n heads of a
 * coin. */
static void test_few_samples(void)
{
	for (int n = 1; n <= 8; n++) {
		struct estimated_change change = make_change(0, n, 0);

		CHECK(estimated_change_p_value(&change, 1, 0) >= 0.9 * pow(0.5, n));
		/* The base may contain 3 samples' worth that was not sampled; the lower bound
		 * allows for this. */
		CHECK((estimated_change_bounds(&change, 0.95).low > 0) == (n > 3));
	}
}

static double binomial(int n, int k, double p)
{
	return exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)) * pow(p, k) *
	       pow(1 - p, n - k);
}

/* Returns the probability that two runs, each with `n` blocks of `size` times R, appear to differ
 * with a p-value of at most `level`. */
static double false_alarms(int n, double size, double level)
{
	static const struct sampling sampling = {.interval = 1024, .is_bytes = true};
	double p = -expm1(-size), sum = 0;

	for (int base = 0; base <= n; base++)
		for (int new = 0; new <= n; new ++) {
			struct estimated_change change = make_change(0, 0, 0);

			change.base = sampling_weigh(&sampling, base, size * 1024);
			change.new = sampling_weigh(&sampling, new, size * 1024);
			if (estimated_change_p_value(&change, 1, 0) <= level)
				sum += binomial(n, base, p) * binomial(n, new, p);
		}
	return sum;
}

/* Blocks of a few R are nearly all sampled, and one that is missed leaves no trace. With the
 * variance of the sampled blocks alone, each missed block would count as a change, with p < 1e-9.
 */
static void test_blocks_of_a_few_intervals(void)
{
	static const double levels[] = {0.05, 0.01, 0.005, 0.001};

	for (int n = 1; n <= 20; n++)
		for (double size = 0.5; size < 9; size += 0.25)
			for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
				CHECK(false_alarms(n, size, levels[i]) <= levels[i]);
}

/* The dumps have 10,000 and 10,040 samples, 9,980 of them in common: 20 went and 60 came. */
static void test_one_run(void)
{
	struct estimated_change apart = make_change(10000, 10040, 0);
	struct estimated_change change = make_change(10000, 10040, 9980);
	double z = 39 / sqrt(80);

	CHECK(estimated_change_p_value(&apart, 1, 0) > 0.3);
	CHECK_NEAR(estimated_change_p_value(&change, 1, 0), statistics_tail(z, STATISTICS_NORMAL),
		   1e-9);
	CHECK(estimated_change_bounds(&change, 0.95).low > 20);
}

/* Values in profiles are whole numbers. If both dumps share all samples, subtracting the shared
 * ones therefore does not give exactly 0. */
static void test_a_trace_of_rounding(void)
{
	struct estimate whole = {.value = 1e6, .variance = 1e9, .third = 1e15, .n = 500};
	struct estimate part = {
		.value = 1e6 - 1,
		.variance = 1e9 * (1 - 1e-7),
		.third = 1e15 * (1 - 1e-3),
		.n = 500 - 1e-4,
	};
	struct estimated_change change = {.base = whole, .new = whole, .shared = part};
	struct bounds bounds = estimated_change_bounds(&change, 0.95);

	CHECK_NEAR(estimate_less(&whole, &part).variance, 0, 0);
	CHECK_NEAR(bounds.low, 0, 1);
	CHECK_NEAR(bounds.high, 0, 1);
	part.n = 499;
	CHECK(estimate_less(&whole, &part).variance > 0);
}

static void test_exact_changes(void)
{
	struct estimated_change change = {.base = {.value = 100}, .new = {.value = 101}};

	CHECK(estimated_change_is_exact(&change));
	CHECK_NEAR(estimated_change_p_value(&change, 1, 0), 0, 0);
	CHECK_NEAR(estimated_change_p_value(&change, 1, 1), 1, 0);
	CHECK_NEAR(estimated_change_bounds(&change, 0.95).low, 1, 0);
	CHECK_NEAR(estimated_change_bounds(&change, 0.95).high, 1, 0);
}

static void test_objects_need_samples(void)
{
	struct estimated_change change = make_change(4, 5, 0);

	CHECK(estimated_change_has_enough(&change));
	change.is_objects = true;
	CHECK(!estimated_change_has_enough(&change)); /* 9 samples are not enough: 9^2 < 20 * 9 */
	change = make_change(10, 10, 0);
	change.is_objects = true;
	CHECK(estimated_change_has_enough(&change));
}

TEST_MAIN(TEST(test_p_values), TEST(test_few_samples), TEST(test_blocks_of_a_few_intervals),
	  TEST(test_one_run), TEST(test_a_trace_of_rounding), TEST(test_exact_changes),
	  TEST(test_objects_need_samples))
