/* SPDX-License-Identifier: MIT */
/* Compares the sampler with libm. Seeds are fixed, so a test that passes once always passes. With a
 * new seed, a correct sampler would exceed a bound less than once in a million times. */
#include "tables/sampler.h"
#include "test.h"
#include <math.h>

#define STANDARD_ERRORS 5 /* a normal variable is further away once in 1.7 million */

static const uint64_t intervals[] = {2, 16, 4096, 512 * 1024, 1 << 30};

#define N_INTERVALS (sizeof(intervals) / sizeof(intervals[0]))

enum {
	N_GAPS = 200000
};

static int compare_gaps(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Returns the largest distance between the distribution of the sorted gaps and 1 - exp(-g/R). Both
 * distributions are step functions that change only at whole bytes. */
static double distance_to_exponential(const uint64_t *gaps, size_t n, double interval)
{
	double largest = 0;

	for (size_t i = 0; i < n; i++) {
		double below = 1 - exp(-(double)(gaps[i] - 1) / interval);
		double at = 1 - exp(-(double)gaps[i] / interval);

		if (i == 0 || gaps[i] != gaps[i - 1])
			largest = fmax(largest, fabs((double)i / n - below));
		if (i + 1 == n || gaps[i] != gaps[i + 1])
			largest = fmax(largest, fabs((double)(i + 1) / n - at));
	}
	return largest;
}

static void test_gaps_are_exponential(void)
{
	static uint64_t gaps[N_GAPS];
	/* Dvoretzky, Kiefer and Wolfowitz's inequality, with Massart's constant: P(D > d) <= 2
	 * exp(-2 n d^2), here 1e-6. It is valid for distributions with steps as well. */
	const double bound = sqrt(log(2 / 1e-6) / (2.0 * N_GAPS));

	for (size_t i = 0; i < N_INTERVALS; i++) {
		struct hp_sampler s;

		hp_sampler_init(&s, intervals[i], 1234 + i);
		for (int j = 0; j < N_GAPS; j++)
			gaps[j] = hp_sampler_next_gap(&s);
		qsort(gaps, N_GAPS, sizeof(gaps[0]), compare_gaps);
		CHECK(gaps[0] >= 1);
		CHECK_NEAR(distance_to_exponential(gaps, N_GAPS, intervals[i]), 0, bound);
	}
}

/* A gap is a geometric variable with p = 1 - exp(-1/R). */
static void test_mean_gap(void)
{
	for (size_t i = 0; i < N_INTERVALS; i++) {
		double p = -expm1(-1.0 / intervals[i]), sum = 0;
		double standard_error = sqrt((1 - p) / (p * p) / N_GAPS);
		struct hp_sampler s;

		hp_sampler_init(&s, intervals[i], 77 + i);
		for (int j = 0; j < N_GAPS; j++)
			sum += hp_sampler_next_gap(&s);
		CHECK_NEAR(sum / N_GAPS, 1 / p, STANDARD_ERRORS * standard_error);
	}
}

/* Gaps may end at any byte, even if R is larger than what a logarithm of 32 bits can distinguish.
 */
static void test_gaps_are_whole_bytes(void)
{
	enum {
		N = 4096
	};
	struct hp_sampler s;
	int n_round = 0;

	hp_sampler_init(&s, UINT64_C(1) << 40, 9);
	for (int i = 0; i < N; i++)
		n_round += hp_sampler_next_gap(&s) % 256 == 0;
	CHECK_NEAR(n_round, N / 256, STANDARD_ERRORS * sqrt(N / 256));
}

/* Returns the correlation of two series, which is near 0 if they are independent. */
static double correlation(const double *x, const double *y, size_t n)
{
	double sx = 0, sy = 0, sxx = 0, syy = 0, sxy = 0;

	for (size_t i = 0; i < n; i++) {
		sx += x[i];
		sy += y[i];
		sxx += x[i] * x[i];
		syy += y[i] * y[i];
		sxy += x[i] * y[i];
	}
	return (n * sxy - sx * sy) / sqrt((n * sxx - sx * sx) * (n * syy - sy * sy));
}

static void test_successive_gaps_are_independent(void)
{
	static double gaps[N_GAPS];
	struct hp_sampler s;

	hp_sampler_init(&s, 4096, 5);
	for (int i = 0; i < N_GAPS; i++)
		gaps[i] = log(hp_sampler_next_gap(&s));
	for (int lag = 1; lag <= 8; lag++)
		CHECK_NEAR(correlation(gaps, gaps + lag, N_GAPS - lag), 0,
			   STANDARD_ERRORS / sqrt(N_GAPS));
}

/* The seeds of threads, processes and users are close to each other. */
static void test_seeds_are_independent(void)
{
	static const uint64_t steps[] = {1, 2, 0x9e3779b97f4a7c15, 1ull << 32, 1ull << 63};
	enum {
		N_SEEDS = 50000
	};
	static double first[2][N_SEEDS], second[2][N_SEEDS];

	for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
		for (int i = 0; i < N_SEEDS; i++)
			for (int other = 0; other < 2; other++) {
				struct hp_sampler s;

				hp_sampler_init(&s, 1 << 20, 3 + i * 977ull + other * steps[k]);
				first[other][i] = log(hp_sampler_next_gap(&s));
				second[other][i] = log(hp_sampler_next_gap(&s));
			}
		double bound = STANDARD_ERRORS / sqrt(N_SEEDS);

		CHECK_NEAR(correlation(first[0], first[1], N_SEEDS), 0, bound);
		CHECK_NEAR(correlation(second[0], second[1], N_SEEDS), 0, bound);
		CHECK_NEAR(correlation(first[0], second[1], N_SEEDS), 0, bound);
		CHECK_NEAR(correlation(second[0], first[1], N_SEEDS), 0, bound);
	}
}

static void test_same_seed_same_gaps(void)
{
	struct hp_sampler a, b;

	hp_sampler_init(&a, 4096, 42);
	hp_sampler_init(&b, 4096, 42);
	for (int i = 0; i < 100; i++)
		CHECK_UINT_EQ(hp_sampler_next_gap(&a), hp_sampler_next_gap(&b));
	hp_sampler_init(&b, 4096, 43);
	CHECK(hp_sampler_next_gap(&a) != hp_sampler_next_gap(&b));
}

/* Allocates blocks one after the other, as the hooks see them. A block that covers the mark is
 * recorded, and the next gap begins after it. Returns how many were recorded. */
static int count_sampled(uint64_t size, uint64_t interval, int n_blocks, uint64_t seed)
{
	struct hp_sampler s;
	uint64_t position = 0, mark;
	int n = 0;

	hp_sampler_init(&s, interval, seed);
	mark = hp_sampler_next_gap(&s);
	for (int i = 0; i < n_blocks; i++) {
		position += size;
		if (position < mark)
			continue;
		n++;
		mark = position + hp_sampler_next_gap(&s);
	}
	return n;
}

static void test_chance_of_a_size(void)
{
	static const uint64_t sizes[] = {1, 16, 100, 4096, 65536, 512 * 1024, 3 << 20};
	static const uint64_t rates[] = {16, 4096, 512 * 1024};
	enum {
		N_BLOCKS = 300000
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (size_t j = 0; j < sizeof(rates) / sizeof(rates[0]); j++) {
			double p = -expm1(-(double)sizes[i] / rates[j]);
			double expected = p * N_BLOCKS;
			int n = count_sampled(sizes[i], rates[j], N_BLOCKS, 9 + i * 10 + j);

			/* If few are expected, their number is Poisson, not normal: P(N > 10 | mean
			 * < 1) is 1e-8, so 10 are allowed. */
			CHECK_NEAR(n, expected,
				   STANDARD_ERRORS * sqrt(expected * (1 - p)) +
					   (expected < 10 ? 10 : 0));
		}
}

static double exact_weight(double size, double interval)
{
	return size == 0 ? interval : size / -expm1(-size / interval);
}

static void test_weight_against_libm(void)
{
	static const uint64_t rates[] = {2, 3, 1000, 4096, 512 * 1024, 1 << 30, 1ull << 40};

	for (size_t j = 0; j < sizeof(rates) / sizeof(rates[0]); j++)
		for (double size = 1; size < 1e15; size *= 1.07) {
			uint64_t s = size;
			double exact = exact_weight(s, rates[j]);
			double weight = hp_sampler_weight_bytes(s, rates[j]);

			if (fabs(weight - exact) > ldexp(exact, -20) + 1)
				TEST_FAIL("size %" PRIu64 ", R %" PRIu64 ": %.17g, exactly %.17g",
					  s, rates[j], weight, exact);
		}
}

static void test_weight_at_the_ends(void)
{
	CHECK_UINT_EQ(hp_sampler_weight_bytes(12345, 1), 12345);
	CHECK_UINT_EQ(hp_sampler_weight_bytes(0, 1), 0);
	CHECK_UINT_EQ(hp_sampler_weight_bytes(UINT64_MAX, 4096), UINT64_MAX);
	CHECK_UINT_EQ(hp_sampler_weight_bytes(0, 4096), 4096); /* the limit for s -> 0 */
}

static void test_exact_mode_marks_every_byte(void)
{
	struct hp_sampler s;

	hp_sampler_init(&s, 1, 1);
	for (int i = 0; i < 100; i++)
		CHECK_UINT_EQ(hp_sampler_next_gap(&s), 1);
}

static void test_size_classes(void)
{
	uint32_t last = hp_sampler_size_class(1, 4096);
	double first_of_class = 1;

	CHECK_UINT_EQ(hp_sampler_size_class(0, 4096), 0);
	CHECK_UINT_EQ(hp_sampler_size_class(1000, 1), 0);
	CHECK(last > 0);
	for (uint64_t size = 2; size < UINT64_MAX / 2; size += 1 + size / 500) {
		uint32_t now = hp_sampler_size_class(size, 4096);
		/* the function rounds down by less than 2^-59, and double by less than 2^-47 */
		double sixteenths = 16 * log2(size);

		CHECK(now >= last);
		CHECK(now - 1 <= sixteenths + 1e-6 && sixteenths - 1e-6 < now);
		if (now != last)
			first_of_class = size;
		CHECK(size <= first_of_class * exp2(1.0 / 16) * (1 + 1e-9));
		last = now;
	}
	CHECK(hp_sampler_size_class(UINT64_MAX, 4096) >= last);
}

/* Returns the relative error of estimates whose record contains two sizes. Readers take the
 * record's mean size for the size of each block, so two sizes at the ends of one class are the
 * worst case. `share` is the share of larger blocks among all blocks. */
static double bias_of_mean(double small, double large, double share, double interval)
{
	/* `n_small` and `n_large` are numbers of recorded blocks, per allocated block. */
	double n_small = (1 - share) * -expm1(-small / interval);
	double n_large = share * -expm1(-large / interval);
	double recorded = n_small + n_large;
	double mean = (n_small * small + n_large * large) / recorded;
	double truth = (1 - share) * small + share * large;

	return recorded * mean / -expm1(-mean / interval) / truth - 1;
}

static void test_bias_within_a_class(void)
{
	for (double large = 16; large < 1e9; large *= 1.3)
		for (double share = 0.05; share < 1; share += 0.05) {
			double bias = bias_of_mean(large / exp2(1.0 / 16), large, share, 65536);

			CHECK_NEAR(bias, 0, 0.0005);
		}
}

/* --- levels ------------------------------------------------------------------------------------
 */

enum {
	N_SAMPLES = 50000
};

/* Draws blocks of one size until N_SAMPLES are sampled, as threads do, and counts their levels. */
static void count_levels(uint64_t interval, uint64_t size, uint64_t seed, uint64_t n[HP_N_LEVELS])
{
	struct hp_sampler s;

	hp_sampler_init(&s, interval, seed);
	memset(n, 0, HP_N_LEVELS * sizeof(n[0]));
	for (int i = 0; i < N_SAMPLES;) {
		uint64_t gap = hp_sampler_next_gap(&s);

		if (interval > 1 && gap > size)
			continue; /* no mark on this block; the next one starts with a new gap */
		n[hp_sampler_level(&s, size, gap)]++;
		i++;
	}
}

/* Returns the probability that a block is sampled at 2^level. */
static double probability(uint64_t size, uint32_t level)
{
	return level == 0 ? 1 : -expm1(-(double)size / ldexp(1, (int)level));
}

/* Returns chi-squared of the counts against P(L >= j) = p(2^j)/p(2^own), and sets *out_freedom.
 * Neighbouring levels are put together until 10 samples are expected. */
static double chi_squared(const uint64_t n[HP_N_LEVELS], uint64_t size, uint32_t own,
			  int *out_freedom)
{
	double p_own = probability(size, own), sum = 0, expected = 0, found = 0, rest = N_SAMPLES;

	*out_freedom = -1;
	for (uint32_t i = own; i < HP_N_LEVELS; i++) {
		double above = i == HP_LEVEL_MAX ? 0 : probability(size, i + 1);
		double here = N_SAMPLES * (probability(size, i) - above) / p_own;

		expected += here;
		found += (double)n[i];
		rest -= here;
		if (expected < 10 || (rest < 10 && i < HP_LEVEL_MAX))
			continue;
		sum += (found - expected) * (found - expected) / expected;
		*out_freedom += 1;
		expected = found = 0;
	}
	return sum;
}

/* Returns the value that chi-squared exceeds once in a million times, by Wilson and Hilferty. */
static double chi_squared_bound(int freedom)
{
	const double z = 4.753; /* a normal variable is above once in a million times */
	double v = 2 / (9.0 * freedom);

	return freedom * pow(1 - v + z * sqrt(v), 3);
}

static void test_levels(void)
{
	static const uint64_t sizes[] = {1, 2, 7, 100, 5000, 600000, 3 << 20};
	int n_compared = 0;

	for (uint32_t own = 0; own < HP_N_LEVELS; own++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			uint64_t n[HP_N_LEVELS];
			int freedom;

			if (sizes[i] << 6 >> own == 0)
				continue; /* hardly ever sampled */
			count_levels(UINT64_C(1) << own, sizes[i], 77 + own * 10 + i, n);
			for (uint32_t below = 0; below < own; below++)
				CHECK_UINT_EQ(n[below], 0);
			double found = chi_squared(n, sizes[i], own, &freedom);

			if (freedom <= 0)
				continue; /* all samples have one level */
			CHECK_NEAR(found, 0, chi_squared_bound(freedom));
			n_compared++;
		}
	CHECK_INT_LE(60, n_compared);
}

/* Blocks of 0 bytes, and sizes larger than any address space, have a level as well. */
static void test_levels_of_extreme_sizes(void)
{
	struct hp_sampler s;

	hp_sampler_init(&s, 1, 5);
	CHECK_UINT_EQ(hp_sampler_level(&s, 0, 1), 0);
	CHECK_UINT_EQ(hp_sampler_level(&s, UINT64_MAX, 1), HP_LEVEL_MAX);
	hp_sampler_init(&s, 1 << 12, 5);
	CHECK(hp_sampler_next_gap(&s) > 0);
	CHECK_UINT_EQ(hp_sampler_level(&s, UINT64_MAX, 1), HP_LEVEL_MAX);
	CHECK_UINT_EQ(hp_sampler_level(&s, UINT64_MAX, UINT64_MAX), 12);
}

TEST_MAIN(TEST(test_gaps_are_exponential), TEST(test_mean_gap), TEST(test_gaps_are_whole_bytes),
	  TEST(test_successive_gaps_are_independent), TEST(test_seeds_are_independent),
	  TEST(test_same_seed_same_gaps), TEST(test_chance_of_a_size),
	  TEST(test_weight_against_libm), TEST(test_weight_at_the_ends),
	  TEST(test_exact_mode_marks_every_byte), TEST(test_size_classes),
	  TEST(test_bias_within_a_class), TEST(test_levels), TEST(test_levels_of_extreme_sizes))
