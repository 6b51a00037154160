/* SPDX-License-Identifier: MIT */
/* Tests the trend of values of known shape, then of steady heaps, whose blocks are simulated to
 * come and go independently. */
#include "analysis/trend.h"

#include <math.h>

#include "test.h"

#define N 20

static uint64_t random_state = 1;

static double uniform(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return ((double)(random_state >> 11) + 0.5) / 9007199254740992.0;
}

static double poisson(double mean)
{
	double limit = exp(-mean), product = uniform();
	int n = 0;

	for (; product > limit; n++)
		product *= uniform();
	return n;
}

/* Simulates a series and returns its verdict. Each sample counts 1. Between two dumps `birth[i]`
 * blocks are allocated on average, and each existing block is kept with the probability `stay`. */
static enum trend_verdict simulate(double start, const double *birth, double stay)
{
	struct trend_point points[N];
	double alive = poisson(start), allocated = alive;
	struct trend trend;

	for (int i = 0; i < N; i++) {
		double left = 0, born = poisson(birth[i]);

		for (int j = 0; j < alive; j++)
			left += uniform() < stay;
		alive = left + born;
		allocated += born;
		points[i] = (struct trend_point){i, alive, alive, allocated};
	}
	CHECK_INT_EQ(trend_judge(&trend, points, N, true, 0.95), 0);
	return trend.verdict;
}

static enum trend_verdict simulate_steady(double mean, double lifetime)
{
	double stay = exp(-1 / lifetime), birth[N];

	for (int i = 0; i < N; i++)
		birth[i] = mean * (1 - stay);
	return simulate(mean, birth, stay);
}

/* Simulates 500 series for each lifetime, which is in dumps. At most 5 % of them, 25, may be judged
 * as growing, and as many as coming and going. */
static void test_steady_heaps_do_not_grow(void)
{
	double lifetimes[] = {0.1, 0.3, 1, 3, 10, 30};

	for (size_t i = 0; i < sizeof(lifetimes) / sizeof(lifetimes[0]); i++) {
		int n_growing = 0, n_moving = 0;

		for (int seed = 0; seed < 500; seed++) {
			enum trend_verdict verdict = simulate_steady(100, lifetimes[i]);

			n_growing += verdict == TREND_GROWS || verdict == TREND_GREW_THEN_STAYS;
			n_moving += verdict == TREND_COMES_AND_GOES;
		}
		printf("# lifetime %4.1f: %d of 500 growing, %d coming and going\n", lifetimes[i],
		       n_growing, n_moving);
		CHECK_INT_LE(n_growing, 25);
		CHECK_INT_LE(n_moving, 25);
	}
}

static int count(enum trend_verdict wanted, double start, const double *birth, double stay)
{
	int n = 0;

	for (int seed = 0; seed < 20; seed++)
		n += simulate(start, birth, stay) == wanted;
	return n;
}

/* The values are in samples of 512 KiB: a leak of 1 MiB between two dumps, a cache that grows to
 * 200 MiB in the first eight dumps, a burst, and memory that is given back. */
static void test_loads(void)
{
	double leak[N], cache[N] = {0}, burst[N] = {0}, nothing[N] = {0};

	for (int i = 0; i < N; i++) {
		leak[i] = 2;
		cache[i] = i < 8 ? 50 : 0;
	}
	burst[9] = 200;
	CHECK_INT_EQ(count(TREND_GROWS, 0, leak, 1), 20);
	CHECK_INT_EQ(count(TREND_GREW_THEN_STAYS, 0, cache, 1), 20);
	CHECK_INT_EQ(count(TREND_COMES_AND_GOES, 10, burst, 0.05), 20);
	CHECK_INT_EQ(count(TREND_SHRINKS, 200, nothing, 0.9), 20);
	CHECK_INT_EQ(count(TREND_STEADY, 0, nothing, 1), 20);
}

static void test_queue(void)
{
	for (int seed = 0; seed < 20; seed++) {
		struct trend_point points[N];
		double allocated = 0;
		struct trend trend;

		for (int i = 0; i < N; i++) {
			double value = poisson(60 * (1 - cos(i * 2.1)));

			allocated += value;
			points[i] = (struct trend_point){i, value, value, allocated};
		}
		CHECK_INT_EQ(trend_judge(&trend, points, N, true, 0.95), 0);
		CHECK_INT_EQ(trend.verdict, TREND_COMES_AND_GOES);
	}
}

/* The slopes between the values 0, 1, 2, 30 at the times 0, 1, 2, 3 are 1, 1, 10, 1, 14.5, 28.
 * Their median is 5.5. */
static void test_median_slope(void)
{
	struct trend_point points[] = {{0, 0, 0, 0}, {1, 1, 0, 0}, {2, 2, 0, 0}, {3, 30, 0, 0}};
	struct trend trend;

	CHECK_INT_EQ(trend_judge(&trend, points, 4, true, 0.95), 0);
	CHECK_NEAR(trend.slope, 5.5, 1e-12);
}

/* All 5 values are in order: s = 10, the variance is 5 * 4 * 15 / 18, and s is reduced by 1. */
static void test_kendall(void)
{
	struct trend_point points[] = {
		{0, 0, 0, 0}, {1, 1, 0, 0}, {2, 2, 0, 0}, {3, 3, 0, 0}, {4, 4, 0, 0}};
	struct trend trend;

	CHECK_INT_EQ(trend_judge(&trend, points, 5, true, 0.95), 0);
	CHECK_NEAR(trend.p_rise, erfc(9 / sqrt(300 / 18.0) / sqrt(2)) / 2, 1e-12);
	CHECK_INT_EQ(trend.verdict, TREND_GROWS);
	CHECK_NEAR(trend_exceeds(&trend, points, 5, true, 0.9), 0, 0);
	CHECK_NEAR(trend_exceeds(&trend, points, 5, true, 1.1), 1, 0);
}

static void test_too_short(void)
{
	struct trend_point points[] = {{0, 0, 0, 0}, {1, 9, 0, 0}};
	struct trend trend;

	CHECK_INT_EQ(trend_judge(&trend, points, 2, true, 0.95), 0);
	CHECK_INT_EQ(trend.verdict, TREND_STEADY);
}

TEST_MAIN(TEST(test_steady_heaps_do_not_grow), TEST(test_loads), TEST(test_queue),
	  TEST(test_median_slope), TEST(test_kendall), TEST(test_too_short))
