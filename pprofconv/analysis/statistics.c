/* SPDX-License-Identifier: MIT */
#include "analysis/statistics.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#define ITERATIONS_MAX 500
#define PRECISION      1e-14
#define COUNTS         128 /* with a mean of 20, P(X >= 128) < 1e-50 */

/* --- distributions ------------------------------------------------------------------------- */

static double away_from_zero(double x)
{
	return fabs(x) < 1e-300 ? 1e-300 : x;
}

/* Returns the continued fraction of the incomplete beta function, by Lentz's method. It converges
 * fast for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
	double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), result = d;

	for (int m = 1; m <= ITERATIONS_MAX; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));

		d = 1 / away_from_zero(1 + even * d);
		c = away_from_zero(1 + even / c);
		result *= c * d;
		d = 1 / away_from_zero(1 + odd * d);
		c = away_from_zero(1 + odd / c);
		result *= c * d;
		if (fabs(c * d - 1) < PRECISION)
			break;
	}
	return result;
}

/* Returns the regularized incomplete beta function. */
static double beta(double a, double b, double x)
{
	double front;

	if (x <= 0 || x >= 1)
		return x <= 0 ? 0 : 1;
	front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(a, b, x) / a;
	return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double statistics_tail(double t, double freedom)
{
	double half;

	if (isinf(freedom) || isinf(t))
		return erfc(t / sqrt(2)) / 2;
	half = beta(freedom / 2, 0.5, freedom / (freedom + t * t)) / 2;
	return t > 0 ? half : 1 - half;
}

/* Computes P(X - Y >= least) as the sum over y of P(Y = y) P(X >= y + least). */
double statistics_count_tail(double mean, size_t least)
{
	double chance[COUNTS], tail[COUNTS + 1], sum = 0;

	chance[0] = exp(-mean);
	for (size_t i = 1; i < COUNTS; i++)
		chance[i] = chance[i - 1] * mean / (double)i;
	tail[COUNTS] = 0;
	for (size_t i = COUNTS; i-- > 0;)
		tail[i] = tail[i + 1] + chance[i];
	for (size_t y = 0; y + least < COUNTS; y++)
		sum += chance[y] * tail[y + least];
	return sum;
}

/* Bisection is fast enough: a report needs a quantile only a few times. */
double statistics_quantile(double tail, double freedom)
{
	double low = 0, high = 1;

	if (tail > 0.5)
		return -statistics_quantile(1 - tail, freedom);
	while (statistics_tail(high, freedom) > tail && high < 1e12)
		high *= 2;
	for (int i = 0; i < 200 && high - low > PRECISION * high; i++) {
		double middle = (low + high) / 2;

		if (statistics_tail(middle, freedom) > tail)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

/* --- many tests ---------------------------------------------------------------------------- */

/* A number and its index in the array that it comes from. */
struct place {
	double p;
	size_t at;
};

static int compare_places(const void *left, const void *right)
{
	const struct place *a = left, *b = right;

	if (a->p != b->p)
		return a->p < b->p ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

/* Returns the numbers in rising order, each with its index in `p`, or NULL if memory is out. The
 * caller frees the result. */
static struct place *sort_places(const double *p, size_t n)
{
	struct place *places = calloc(n ? n : 1, sizeof(*places));

	for (size_t i = 0; places && i < n; i++)
		places[i] = (struct place){p[i], i};
	if (places)
		qsort(places, n, sizeof(*places), compare_places);
	return places;
}

int statistics_holm(const double *p, size_t n, double *out)
{
	struct place *places = sort_places(p, n);
	double highest = 0;

	if (!places)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		highest = fmax(highest, fmin(1, places[i].p * (double)(n - i)));
		out[places[i].at] = highest;
	}
	free(places);
	return 0;
}

int statistics_benjamini_hochberg(const double *p, size_t n, double *out)
{
	struct place *places = sort_places(p, n);
	double lowest = 1;

	if (!places)
		return -ENOMEM;
	for (size_t i = n; i > 0; i--) {
		lowest = fmin(lowest, places[i - 1].p * (double)n / (double)i);
		out[places[i - 1].at] = lowest;
	}
	free(places);
	return 0;
}

/* --- median -------------------------------------------------------------------------------- */

/* Returns the number that has the index `k` in sorted order. Reorders the numbers by Hoare's
 * selection, so that this number is at `k` and no larger number comes before it. */
static double select_number(double *numbers, size_t n, size_t k)
{
	size_t low = 0, high = n - 1;

	while (low < high) {
		double pivot = numbers[low + (high - low) / 2];
		size_t i = low, j = high;

		for (;;) {
			while (numbers[i] < pivot)
				i++;
			while (numbers[j] > pivot)
				j--;
			if (i >= j)
				break;
			double swapped = numbers[i];

			numbers[i++] = numbers[j];
			numbers[j--] = swapped;
		}
		if (k <= j)
			high = j;
		else
			low = j + 1;
	}
	return numbers[k];
}

double statistics_median(double *numbers, size_t n)
{
	double upper, lower;

	if (!n)
		return 0;
	upper = select_number(numbers, n, n / 2);
	if (n % 2)
		return upper;
	lower = numbers[0];
	for (size_t i = 1; i < n / 2; i++)
		lower = fmax(lower, numbers[i]);
	return (lower + upper) / 2;
}
