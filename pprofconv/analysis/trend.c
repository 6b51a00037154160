/* SPDX-License-Identifier: MIT */
/* Successive dumps share live blocks, so the values of a steady heap drift. Mann and Kendall's test
 * alone reports growth for many such series. Two corrections prevent that.
 *
 * The variance of the test's statistic is corrected as Hamed and Rao (1998) propose: by the
 * autocorrelation of the ranks of the residuals, which are what remains once the trend is removed.
 *
 * A short series of long-lived blocks looks like a random walk, and no test of the series alone
 * distinguishes this from growth. But the dumps show how many blocks came and went. In a steady
 * heap as many blocks come as go, independently of each other, so the difference between two dumps
 * has the variance of all blocks that came or went. Growth must be beyond that variance too. */
#include "analysis/trend.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/statistics.h"

#define RANGE_DEVIATIONS 4    /* needed between the extremes, the most distant of many pairs */
#define LATE_SHARE       0.3  /* of the mean growth; less growth at the end counts as none */
#define PEAK_SHARE       0.5  /* of the range; growth does not count if more of it is lost again */
#define STEADY_SHARE     0.05 /* of the mean; a slope that adds up to more is not steady */
#define POWER            0.8

const char *trend_verdict_name(enum trend_verdict verdict)
{
	static const char *const names[] = {
		[TREND_GROWS] = "grows",
		[TREND_GREW_THEN_STAYS] = "grew, then stays",
		[TREND_COMES_AND_GOES] = "comes and goes",
		[TREND_SHRINKS] = "shrinks",
		[TREND_STEADY] = "steady",
		[TREND_NOT_SURE] = "not sure",
	};

	return names[verdict];
}

static double square(double x)
{
	return x * x;
}

/* --- Theil and Sen ------------------------------------------------------------------------- */

/* Returns the median of the slopes between any two points. `room` has space for n (n-1) / 2
 * numbers. */
static double median_slope(const struct trend_point *points, size_t n, double *room)
{
	size_t n_pairs = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			if (points[j].time > points[i].time)
				room[n_pairs++] = (points[j].value - points[i].value) /
						  (points[j].time - points[i].time);
	return statistics_median(room, n_pairs);
}

/* --- Mann and Kendall ---------------------------------------------------------------------- */

static double sign(double x)
{
	return x > 0 ? 1 : x < 0 ? -1 : 0;
}

/* Returns the variance of the statistic if all orders of the values are equally likely. Ties reduce
 * the variance. */
static double kendall_variance(const struct trend_point *points, size_t n)
{
	double m = (double)n, ties = 0;

	for (size_t i = 0; i < n; i++) {
		double equal = 0;

		for (size_t j = 0; j < n; j++)
			equal += points[j].value == points[i].value;
		ties += (equal - 1) * (2 * equal + 5); /* each tied value adds its part */
	}
	return (m * (m - 1) * (2 * m + 5) - ties) / 18;
}

/* Sets ranks[i] to the rank of the i-th residual, minus the mean rank. */
static void rank_residuals(const struct trend_point *points, size_t n, double slope, double *ranks)
{
	for (size_t i = 0; i < n; i++) {
		double own = points[i].value - slope * points[i].time;

		ranks[i] = 0;
		for (size_t j = 0; j < n; j++)
			ranks[i] += sign(own - (points[j].value - slope * points[j].time)) / 2;
	}
}

static double autocorrelation(const double *ranks, size_t n, size_t lag)
{
	double sum = 0, squares = 0;

	for (size_t i = 0; i < n; i++)
		squares += square(ranks[i]);
	for (size_t i = 0; i + lag < n; i++)
		sum += ranks[i] * ranks[i + lag];
	return squares > 0 ? sum / squares : 0;
}

/* Returns the factor by which autocorrelation widens the variance of the statistic. Lags are used
 * up to the first that is not significant. The factor is never below 1, because negative
 * autocorrelation, if it were trusted, would make the test too sensitive. */
static double correction(const struct trend_point *points, size_t n, double slope, double *ranks)
{
	double m = (double)n, sum = 0;

	rank_residuals(points, n, slope, ranks);
	for (size_t lag = 1; lag + 2 < n; lag++) {
		double r = autocorrelation(ranks, n, lag), left = m - (double)lag;

		if (fabs(r) < 1.96 / sqrt(m))
			break;
		sum += left * (left - 1) * (left - 2) * r;
	}
	return fmax(1, 1 + 2 / (m * (m - 1) * (m - 2)) * sum);
}

static double kendall(const struct trend_point *points, size_t n, double slope, double *room)
{
	double s = 0, variance = kendall_variance(points, n);

	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			s += sign(points[j].value - points[i].value);
	if (variance <= 0)
		return 0;
	return (s - sign(s)) / sqrt(variance * correction(points, n, slope, room));
}

/* --- what changed between two dumps -------------------------------------------------------- */

static double doubt_between(const struct trend_point *from, const struct trend_point *to,
			    bool is_one_run)
{
	double apart = from->doubt + to->doubt;
	double allocated = to->allocated - from->allocated;
	double freed = allocated - (to->doubt - from->doubt);

	if (!is_one_run || to->allocated <= 0 || allocated < 0 || freed < 0)
		return apart;
	return fmin(apart, allocated + freed);
}

static double deviation_between(const struct trend_point *from, const struct trend_point *to,
				bool is_one_run)
{
	double difference = to->value - from->value;
	double doubt = doubt_between(from, to, is_one_run);

	if (doubt > 0)
		return difference / sqrt(doubt);
	return difference == 0 ? 0 : copysign(INFINITY, difference);
}

static double mean_value(const struct trend_point *points, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += points[i].value;
	return sum / (double)n;
}

/* --- verdicts ------------------------------------------------------------------------------ */

struct extremes {
	const struct trend_point *lowest, *highest;
};

static struct extremes find_extremes(const struct trend_point *points, size_t n)
{
	struct extremes found = {points, points};

	for (size_t i = 1; i < n; i++) {
		if (points[i].value < found.lowest->value)
			found.lowest = &points[i];
		if (points[i].value > found.highest->value)
			found.highest = &points[i];
	}
	return found;
}

static bool is_range_real(const struct extremes *extremes, bool is_one_run)
{
	const struct trend_point *first = extremes->lowest, *last = extremes->highest;
	double deviation;

	if (first == last)
		return false;
	deviation = first < last ? deviation_between(first, last, is_one_run)
				 : deviation_between(last, first, is_one_run);
	return fabs(deviation) > RANGE_DEVIATIONS;
}

/* Returns how far a series fell from its highest value so far. */
static double deepest_fall(const struct trend_point *points, size_t n)
{
	double highest = points[0].value, deepest = 0;

	for (size_t i = 1; i < n; i++) {
		highest = fmax(highest, points[i].value);
		deepest = fmax(deepest, highest - points[i].value);
	}
	return deepest;
}

/* Returns how far growth goes on to the end: the growth that the slope of the last third would give
 * over the whole series, divided by the difference between the means of the last and the first
 * third. That is about 1.5 for even growth, and about 0 for growth that has stopped. Returns 0 if
 * the series did not grow. */
static double late_share(const struct trend_point *points, size_t n, double *room)
{
	size_t third = n / 3;
	double whole = mean_value(points + n - third, third) - mean_value(points, third);
	double span = points[n - 1].time - points[0].time;
	double late = median_slope(points + n - third - 1, third + 1, room) * span;

	return whole > 0 ? late / whole : 0;
}

static double growth(const struct trend *trend, const struct trend_point *points, size_t n)
{
	return trend->slope * (points[n - 1].time - points[0].time);
}

/* Returns whether the growth that the slope adds up to is too small to matter, real or not. */
static bool is_trifle(const struct trend *trend, const struct trend_point *points, size_t n)
{
	return fabs(growth(trend, points, n)) <= STEADY_SHARE * mean_value(points, n);
}

static enum trend_verdict choose_verdict(const struct trend *trend,
					 const struct trend_point *points, size_t n,
					 bool is_one_run, double confidence, double *room)
{
	double z = statistics_quantile(1 - confidence, STATISTICS_NORMAL);
	struct extremes extremes = find_extremes(points, n);
	double range = extremes.highest->value - extremes.lowest->value;
	double kept = points[n - 1].value - points[0].value;
	bool is_real = is_range_real(&extremes, is_one_run);
	bool rises = trend->deviation > z && kept > PEAK_SHARE * range;
	bool falls = trend->deviation < -z && -kept > PEAK_SHARE * range;
	double late = n >= 6 ? late_share(points, n, room) : 1;

	if (rises && trend->p_rise < 1 - confidence && late >= LATE_SHARE)
		return TREND_GROWS;
	if (rises && is_real && late < LATE_SHARE && deepest_fall(points, n) < PEAK_SHARE * range)
		return TREND_GREW_THEN_STAYS;
	if (falls && 1 - trend->p_rise < 1 - confidence)
		return TREND_SHRINKS;
	if (rises && is_real && deepest_fall(points, n) < PEAK_SHARE * range)
		return TREND_NOT_SURE; /* the series only went up, but in too few dumps */
	if (is_real)
		return TREND_COMES_AND_GOES;
	return is_trifle(trend, points, n) ? TREND_STEADY : TREND_NOT_SURE;
}

int trend_judge(struct trend *trend, const struct trend_point *points, size_t n, bool is_one_run,
		double confidence)
{
	double *room;

	*trend = (struct trend){.verdict = TREND_STEADY, .p_rise = 1};
	if (n < 3)
		return 0;
	room = calloc(n, n * sizeof(*room));
	if (!room)
		return -ENOMEM;
	trend->slope = median_slope(points, n, room);
	trend->p_rise = statistics_tail(kendall(points, n, trend->slope, room), STATISTICS_NORMAL);
	trend->deviation = deviation_between(&points[0], &points[n - 1], is_one_run);
	trend->verdict = choose_verdict(trend, points, n, is_one_run, confidence, room);
	free(room);
	return 0;
}

/* Growth rises with the length of the series, but its doubt is assumed to stay the same: it comes
 * from the blocks that come and go, and has an upper bound, the doubts of both dumps. At a smaller
 * interval samples count for less, so the doubt is smaller. */
struct trend_remedy trend_find_remedy(const struct trend *trend, const struct trend_point *points,
				      size_t n, bool is_one_run, double confidence)
{
	double z = statistics_quantile(1 - confidence, STATISTICS_NORMAL) +
		   statistics_quantile(1 - POWER, STATISTICS_NORMAL);
	double doubt = n ? doubt_between(&points[0], &points[n - 1], is_one_run) : 0;
	double lacking = doubt > 0 ? z / fabs(growth(trend, points, n) / sqrt(doubt)) : 1;

	if (lacking <= 1)
		return (struct trend_remedy){1, 1};
	return (struct trend_remedy){lacking, 1 / (lacking * lacking)};
}

double trend_exceeds(const struct trend *trend, const struct trend_point *points, size_t n,
		     bool is_one_run, double limit)
{
	double span = n ? points[n - 1].time - points[0].time : 0;
	double excess = (trend->slope - limit) * span, doubt;

	if (excess <= 0 || trend->verdict != TREND_GROWS)
		return 1;
	doubt = doubt_between(&points[0], &points[n - 1], is_one_run);
	if (doubt <= 0)
		return 0;
	return statistics_tail(excess / sqrt(doubt), STATISTICS_NORMAL);
}
