/* SPDX-License-Identifier: MIT */
/* A change is what came less what went. Between runs those are the whole new and the whole base.
 * Between two dumps of one run they are what is not shared: with n_b and n_n samples in use, and as
 * many allocated and freed since as the dumps say, n_b + n_n - 2 shared is the smaller of n_b + n_n
 * and what was allocated and freed since. */
#include "analysis/estimated_change.h"

#include <math.h>

#include "analysis/statistics.h"

#define SQUARE_PER_VARIANCE 20
#define MISSED_MAX          100 /* misses, if 20 are expected: never */
#define WHOLE_BY_ROUNDING   0.01

double estimated_change_difference(const struct estimated_change *change)
{
	return change->new.value - change->base.value;
}

double estimated_change_ratio(const struct estimated_change *change)
{
	double difference = estimated_change_difference(change);

	if (change->base.value != 0)
		return difference / fabs(change->base.value);
	return difference == 0 ? 0 : copysign(INFINITY, difference);
}

bool estimated_change_is_exact(const struct estimated_change *change)
{
	return change->base.variance <= 0 && change->new.variance <= 0 &&
	       change->base_unseen <= 0 && change->new_unseen <= 0;
}

bool estimated_change_has_enough(const struct estimated_change *change)
{
	double sum = change->base.value + change->new.value;

	return !change->is_objects || estimated_change_is_exact(change) ||
	       sum * sum >= SQUARE_PER_VARIANCE * (change->base.variance + change->new.variance);
}

/* The part that is on one side only. Shared blocks are the same samples on both, and cancel out. */
static struct estimate came(const struct estimated_change *change)
{
	return estimate_less(&change->new, &change->shared);
}

static struct estimate went(const struct estimated_change *change)
{
	return estimate_less(&change->base, &change->shared);
}

static double square(double x)
{
	return x * x;
}

/* Welch and Satterthwaite's degrees of freedom of the sum of two variances. */
static double freedom_of(double base_variance, double base_freedom, double new_variance,
			 double new_freedom)
{
	double doubt = 0;

	if (base_freedom > 0)
		doubt += square(base_variance) / base_freedom;
	if (new_freedom > 0)
		doubt += square(new_variance) / new_freedom;
	return doubt > 0 ? square(base_variance + new_variance) / doubt : STATISTICS_NORMAL;
}

struct bounds estimated_change_bounds(const struct estimated_change *change, double confidence)
{
	double tail = (1 - confidence) / 2, difference = estimated_change_difference(change);
	struct estimate gained = came(change), lost = went(change);
	double unseen = -log(1 - confidence); /* 3 at 0.95 */
	double z = statistics_quantile(tail, freedom_of(lost.variance, change->base_freedom,
							gained.variance, change->new_freedom));
	struct bounds in = estimate_bounds(&gained, z, unseen * change->new_unseen);
	struct bounds out = estimate_bounds(&lost, z, unseen * change->base_unseen);

	return (struct bounds){
		.low = difference - hypot(gained.value - in.low, out.high - lost.value),
		.high = difference + hypot(in.high - gained.value, lost.value - out.low),
	};
}

double estimated_change_excess(const struct estimated_change *change, double factor, double limit)
{
	return change->new.value - factor * change->base.value - limit;
}

/* Returns what one sample is worth: the mean, weighted by the share of the variance. Adjacent
 * differences are that far apart: half a step of the lattice that few samples make is taken off, or
 * 3 samples on one side would pass for significant against none on the other. */
static double step(const struct estimate *gained, const struct estimate *lost, double factor)
{
	double variance = gained->variance + square(factor) * lost->variance;
	double third = fmax(0, gained->third) + factor * square(factor) * fmax(0, lost->third);

	return variance > 0 ? third / variance : 0;
}

/* Returns the p-value from the variances alone, which account only for blocks of sizes that were
 * sampled. */
static double score_p_value(const struct estimated_change *change, double factor, double excess)
{
	struct estimate gained = came(change), lost = went(change);
	double base_variance = square(factor) * lost.variance;
	double variance =
		gained.variance + base_variance + square(factor - 1) * change->shared.variance;

	if (variance <= 0)
		return excess > 0 ? 0 : 1;
	excess -= copysign(fmin(fabs(excess), step(&gained, &lost, factor)), excess);
	return statistics_tail(excess / sqrt(variance),
			       freedom_of(base_variance, change->base_freedom, gained.variance,
					  change->new_freedom));
}

/* The probability that so many bytes exist and none of them was sampled, whatever the sizes of
 * their blocks. */
static double all_missed(double bytes, double unseen)
{
	return unseen > 0 ? exp(-bytes / unseen) : 0;
}

/* The probability that one side misses so much more than the other of large blocks, which are on
 * both sides. For many misses the variance says as much. */
static double some_missed(double value, const struct estimate *a, const struct estimate *b)
{
	const struct estimate *likely = a->missed > b->missed ? a : b;
	double n;

	if (likely->missed <= 0 || likely->missed > STATISTICS_COUNT_MAX)
		return 0;
	n = value * likely->missed / likely->missed_value;
	return n < MISSED_MAX ? statistics_count_tail(likely->missed,
						      (size_t)fmax(1, n + WHOLE_BY_ROUNDING))
			      : 0;
}

/* Blocks of a few R are nearly all sampled, so the variance is next to nothing. But one in 20
 * blocks of 3 R is missed, and that error is a whole block, of which the score knows nothing. So
 * the p-value is never below the probability that the smaller side has missed what it lacks.
 * A probability of more than a half says nothing. */
double estimated_change_p_value(const struct estimated_change *change, double factor, double limit)
{
	double excess = estimated_change_excess(change, factor, limit);
	double p = score_p_value(change, factor, excess), chance;
	struct estimate gained = came(change), lost = went(change);

	if (excess > 0) {
		chance = fmax(all_missed(excess, factor * change->base_unseen),
			      some_missed(excess / factor, &gained, &lost));
		return fmax(p, fmin(chance, 0.5));
	}
	chance =
		fmax(all_missed(-excess, change->new_unseen), some_missed(-excess, &gained, &lost));
	return fmin(p, 1 - fmin(chance, 0.5));
}
