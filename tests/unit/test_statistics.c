/* SPDX-License-Identifier: MIT */
#include "analysis/statistics.h"

#include "test.h"

/* The values are from the tables in books on statistics. */
static void test_normal(void)
{
	CHECK_NEAR(statistics_tail(0, STATISTICS_NORMAL), 0.5, 1e-15);
	CHECK_NEAR(statistics_tail(1.959963984540054, STATISTICS_NORMAL), 0.025, 1e-12);
	CHECK_NEAR(statistics_tail(-1.959963984540054, STATISTICS_NORMAL), 0.975, 1e-12);
	CHECK_NEAR(statistics_quantile(0.05, STATISTICS_NORMAL), 1.6448536269514722, 1e-9);
	CHECK_NEAR(statistics_quantile(0.95, STATISTICS_NORMAL), -1.6448536269514722, 1e-9);
	CHECK_NEAR(statistics_tail(INFINITY, STATISTICS_NORMAL), 0, 0);
	CHECK_NEAR(statistics_tail(INFINITY, 3), 0, 0);
}

/* With 1 degree of freedom the distribution is Cauchy's, and the tail is 1/2 - atan(t)/pi. With 2
 * the tail is (1 - t / sqrt(2 + t^2)) / 2. */
static void test_student(void)
{
	for (double t = -20; t <= 20; t += 0.37) {
		CHECK_NEAR(statistics_tail(t, 1), 0.5 - atan(t) / M_PI, 1e-12);
		CHECK_NEAR(statistics_tail(t, 2), (1 - t / sqrt(2 + t * t)) / 2, 1e-12);
	}
	CHECK_NEAR(statistics_quantile(0.025, 4), 2.7764451051977987, 1e-8);
	CHECK_NEAR(statistics_quantile(0.05, 9), 1.8331129326536335, 1e-8);
	CHECK_NEAR(statistics_tail(2, 1e6), statistics_tail(2, STATISTICS_NORMAL), 1e-6);
}

/* In increasing order the results are 0.01 * 4 and 0.02 * 3. The next, 0.03 * 2 and 0.04 * 1, may
 * not be less than the one before, so both are 0.06. */
static void test_holm(void)
{
	double p[] = {0.04, 0.01, 0.03, 0.02}, out[4];

	CHECK_INT_EQ(statistics_holm(p, 4, out), 0);
	CHECK_NEAR(out[1], 0.04, 1e-15);
	CHECK_NEAR(out[3], 0.06, 1e-15);
	CHECK_NEAR(out[2], 0.06, 1e-15);
	CHECK_NEAR(out[0], 0.06, 1e-15);
	CHECK_INT_EQ(statistics_holm((double[]){0.7, 0.8}, 2, out), 0);
	CHECK_NEAR(out[0], 1, 0);
	CHECK_INT_EQ(statistics_holm(NULL, 0, NULL), 0);
}

/* Two counts of mean 1 are equal with the probability e^-2 I0(2) = 0.308508. The other cases are
 * divided equally. */
static void test_counts(void)
{
	CHECK_NEAR(statistics_count_tail(1, 1), (1 - 0.30850832) / 2, 1e-8);
	CHECK_NEAR(statistics_count_tail(1, 0), (1 + 0.30850832) / 2, 1e-8);
	CHECK_NEAR(statistics_count_tail(0.01, 1), 0.01, 2e-4);
	/* Nearly the normal distribution, with the difference reduced by half a step. */
	CHECK_NEAR(statistics_count_tail(20, 10),
		   statistics_tail(9.5 / sqrt(40), STATISTICS_NORMAL), 2e-3);
	CHECK_NEAR(statistics_count_tail(20, 1000), 0, 0);
}

/* In decreasing order the results are 0.5 * 4/4, 0.03 * 4/3 = 0.04, 0.02 * 4/2 = 0.04 and 0.001 *
 * 4/1. */
static void test_benjamini_hochberg(void)
{
	double p[] = {0.5, 0.03, 0.001, 0.02}, out[4];

	CHECK_INT_EQ(statistics_benjamini_hochberg(p, 4, out), 0);
	CHECK_NEAR(out[0], 0.5, 1e-15);
	CHECK_NEAR(out[1], 0.04, 1e-15);
	CHECK_NEAR(out[3], 0.04, 1e-15);
	CHECK_NEAR(out[2], 0.004, 1e-15);
}

static int compare(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1
						       : *(const double *)a > *(const double *)b;
}

static void test_median(void)
{
	double numbers[40], sorted[40];
	uint32_t random = 1;

	CHECK_NEAR(statistics_median(NULL, 0), 0, 0);
	for (size_t round = 0; round < 2000; round++) {
		size_t n = round % 40 + 1;

		for (size_t i = 0; i < n; i++) {
			random = random * 1664525 + 1013904223;
			sorted[i] = numbers[i] = random >> 27; /* some numbers are equal */
		}
		qsort(sorted, n, sizeof(*sorted), compare);
		CHECK_NEAR(statistics_median(numbers, n), (sorted[(n - 1) / 2] + sorted[n / 2]) / 2,
			   0);
	}
}

TEST_MAIN(TEST(test_normal), TEST(test_student), TEST(test_counts), TEST(test_holm),
	  TEST(test_benjamini_hochberg), TEST(test_median))
