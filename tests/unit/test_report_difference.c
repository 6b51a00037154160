/* SPDX-License-Identifier: MIT */
#include "reports/report.h"

#include "test.h"

static struct estimated_change change_of(double base, double new, double variance)
{
	return (struct estimated_change){.base = {.value = base, .variance = variance},
					 .new = {.value = new, .variance = variance}};
}

static double difference_of(struct estimated_change change)
{
	return report_difference(&change);
}

static void test_rounding_is_no_difference(void)
{
	CHECK_NEAR(difference_of(change_of(1000, 999, 10)), 0, 0);
	CHECK_NEAR(difference_of(change_of(1e9, 1e9 + 5000, 10)), 0, 0);
	CHECK_NEAR(difference_of(change_of(1e9, 1e9 - 50000, 10)), -50000, 0);
	CHECK_NEAR(difference_of(change_of(0, 2, 10)), 2, 0);
}

static void test_exact_values_have_no_rounding(void)
{
	CHECK_NEAR(difference_of(change_of(1e9, 1e9 - 1, 0)), -1, 0);
}

static void test_one_object_is_a_difference(void)
{
	struct estimated_change change = change_of(10, 11, 1);

	change.is_objects = true;
	CHECK_NEAR(difference_of(change), 1, 0);
}

TEST_MAIN(TEST(test_rounding_is_no_difference), TEST(test_exact_values_have_no_rounding),
	  TEST(test_one_object_is_a_difference))
