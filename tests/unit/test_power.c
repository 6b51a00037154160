/* SPDX-License-Identifier: MIT */
#include "analysis/power.h"

#include "analysis/statistics.h"
#include "test.h"

#define MIB 0x1p20
#define R   0x1p19

/* Returns the estimate of small blocks: each sample of them counts for R bytes. */
static struct estimate small_blocks(double bytes)
{
	return (struct estimate){
		.value = bytes, .variance = R * bytes, .third = R * R * bytes, .n = bytes / R};
}

static struct estimated_change change_of(double base, double new)
{
	return (struct estimated_change){
		.base = small_blocks(base),
		.new = small_blocks(new),
		.base_freedom = STATISTICS_NORMAL,
		.new_freedom = STATISTICS_NORMAL,
		.base_unseen = R,
		.new_unseen = R,
	};
}

/* The growth that can be detected is G = (1.645 + 1.036) sqrt(R (2 base + G)), plus one sample's
 * worth, R. */
static void test_of_small_blocks(void)
{
	struct estimated_change change = change_of(1000 * MIB, 1010 * MIB);
	struct power_test test = {.factor = 1, .level = 0.05};
	double growth = power_growth(&change, &test, 1), wanted = 0;

	for (int i = 0; i < 50; i++)
		wanted = 2.681 * sqrt(R * (2000 * MIB + wanted)) + R;
	CHECK_NEAR(growth / wanted, 1, 0.01);
	test.limit = 50 * MIB;
	CHECK_NEAR(power_growth(&change, &test, 1) / (50 * MIB + wanted), 1, 0.02);
	test = (struct power_test){.factor = 1.05, .level = 0.05};
	CHECK(power_growth(&change, &test, 1) > 50 * MIB + wanted);
	test = (struct power_test){.factor = 1, .level = 0.05 / 100};
	CHECK(power_growth(&change, &test, 1) > 1.3 * growth);
}

/* With an eighth of the interval, the variance is an eighth, so the growth that can be detected is
 * smaller by the square root of 8. */
static void test_of_a_finer_interval(void)
{
	struct estimated_change change = change_of(1000 * MIB, 1000 * MIB);
	struct power_test test = {.factor = 1, .level = 0.05};
	double ratio = power_growth(&change, &test, 1) / power_growth(&change, &test, 0.125);

	CHECK_NEAR(ratio, sqrt(8), 0.1);
	/* As if the error were the spread of three runs, which a finer interval does not reduce. */
	change.base_freedom = change.new_freedom = 2;
	CHECK_NEAR(power_growth(&change, &test, 1) / power_growth(&change, &test, 0.125), 1, 0.01);
}

static void test_of_what_both_dumps_share(void)
{
	struct estimated_change change = change_of(1000 * MIB, 1000 * MIB);
	struct power_test test = {.factor = 1, .level = 0.05};
	double apart = power_growth(&change, &test, 1);

	change.shared = small_blocks(990 * MIB);
	CHECK(power_growth(&change, &test, 1) < apart / 4);
}

static void test_of_exact_values(void)
{
	struct estimated_change change = {.base.value = 200, .new.value = 200};
	struct power_test test = {.factor = 1.05, .limit = 3, .level = 0.05};

	CHECK_NEAR(power_growth(&change, &test, 1), 13, 1e-9);
}

/* Growth by less than two samples' worth may produce no sample at all. */
static void test_of_next_to_nothing(void)
{
	struct estimated_change change = change_of(0, 0);
	struct power_test test = {.factor = 1, .level = 0.05};

	CHECK(power_growth(&change, &test, 1) >= 1.6 * R);
	CHECK(power_growth(&change, &test, 0.125) >= 1.6 * R / 8);
	test.limit = R / 4;
	CHECK(power_growth(&change, &test, 1) >= 1.6 * R);
	change.base_unseen = 0; /* as if there were no base */
	CHECK(power_growth(&change, &test, 1) >= 1.6 * R);
}

/* One sample on each side says little about the number of objects. Only growth that brings more
 * than 15 samples' worth of objects (1000 each) is detected; with an infinite variance, none is. */
static void test_of_objects(void)
{
	struct estimated_change change = {
		.base = {.value = 1000, .variance = 1e6, .third = 1e9, .n = 1},
		.new = {.value = 1000, .variance = 1e6, .third = 1e9, .n = 1},
		.base_freedom = STATISTICS_NORMAL,
		.new_freedom = STATISTICS_NORMAL,
		.is_objects = true,
	};
	struct power_test test = {.factor = 1, .level = 0.05};

	CHECK(power_growth(&change, &test, 1) > 15000);
	change.base.variance = INFINITY;
	CHECK(isinf(power_growth(&change, &test, 1)));
}

TEST_MAIN(TEST(test_of_small_blocks), TEST(test_of_a_finer_interval),
	  TEST(test_of_what_both_dumps_share), TEST(test_of_exact_values),
	  TEST(test_of_next_to_nothing), TEST(test_of_objects))
