/* SPDX-License-Identifier: MIT */
/* A change is what was gained minus what was lost. Between two runs, that is all of the new side
 * and all of the base. Between two dumps of one run, it is the part of each that is not shared:
 * with n_b and n_n samples in use, n_b + n_n - 2 shared of them were gained or lost. This number is
 * the smaller of n_b + n_n and the number of samples that were allocated or freed between the
 * dumps. */
#include "analysis/estimated_change.h"

#include <math.h>

#include "analysis/statistics.h"

#define SQUARE_PER_VARIANCE 20
#define MISSED_MAX          100 /* with at most 20 misses expected, so many never happen */
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

/* Returns the part of the new side that the base does not have. Shared blocks are the same samples
 * on both sides and cancel out. */
static struct estimate came(const struct estimated_change *change)
{
	return estimate_less(&change->new, &change->shared);
}

/* Returns the part of the base that the new side does not have. */
static struct estimate went(const struct estimated_change *change)
{
	return estimate_less(&change->base, &change->shared);
}

static double square(double x)
{
	return x * x;
}

/* Returns the degrees of freedom of the sum of two variances, by Welch and Satterthwaite. */
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

/* Returns the value of one sample: the mean of all samples, weighted by their shares of the
 * variance. Few samples allow only a lattice of differences: one sample more on one side and one
 * less on the other are a step of two samples. The excess is reduced by this value, half a step;
 * otherwise 3 samples on one side would count as significant against none on the other. */
static double step(const struct estimate *gained, const struct estimate *lost, double factor)
{
	double variance = gained->variance + square(factor) * lost->variance;
	double third = fmax(0, gained->third) + factor * square(factor) * fmax(0, lost->third);

	return variance > 0 ? third / variance : 0;
}

/* Returns the p-value that follows from the variances alone. They account only for blocks of sizes
 * that were sampled. */
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

/* Returns the probability that `bytes` bytes exist but none of them was sampled. It does not depend
 * on the sizes of their blocks. */
static double all_missed(double bytes, double unseen)
{
	return unseen > 0 ? exp(-bytes / unseen) : 0;
}

/* Returns the probability that one side misses large blocks worth `value` more than the other side
 * does, although both sides have the same blocks. Returns 0 if many misses are expected: then the
 * variance accounts for them. */
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

/* Blocks of a few R are nearly all sampled, so their variance is close to 0. But one in 20 blocks
 * of 3 R is missed. Then the error is a whole block, which score_p_value() does not account for. So
 * for a positive excess, the p-value is never below the probability that the smaller side has what
 * it lacks, but unsampled; for a negative excess, it is never above 1 minus that. This probability
 * is used up to 0.5, because a larger one proves nothing. */
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
