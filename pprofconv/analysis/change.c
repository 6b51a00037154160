/* SPDX-License-Identifier: MIT */
/* A change is what came less what went. Between runs those are the whole new and the whole base.
 * Between two dumps of one run they are what is not shared: with n_b and n_n samples in use, and
 * as many allocated and freed since as the dumps tell, n_b + n_n - 2 shared is the smaller of
 * n_b + n_n and what was allocated and freed since. */
#include "analysis/change.h"

#include <math.h>

#include "analysis/statistics.h"

#define SQUARE_PER_VARIANCE 20

double change_difference(const struct change *change)
{
	return change->new.value - change->base.value;
}

double change_ratio(const struct change *change)
{
	double difference = change_difference(change);

	if (change->base.value != 0)
		return difference / fabs(change->base.value);
	return difference == 0 ? 0 : copysign(INFINITY, difference);
}

bool change_is_exact(const struct change *change)
{
	return change->base.variance <= 0 && change->new.variance <= 0 &&
	       change->base_unseen <= 0 && change->new_unseen <= 0;
}

bool change_has_enough(const struct change *change)
{
	double sum = change->base.value + change->new.value;

	return !change->is_objects || change_is_exact(change) ||
	       sum * sum >= SQUARE_PER_VARIANCE * (change->base.variance + change->new.variance);
}

/* What is not in both, once those in both stand on each side by the same samples. */
static struct estimate came(const struct change *change)
{
	return estimate_less(&change->new, &change->shared);
}

static struct estimate went(const struct change *change)
{
	return estimate_less(&change->base, &change->shared);
}

static double square(double x)
{
	return x * x;
}

/* Welch and Satterthwaite's degrees of freedom of a sum of two variances. */
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

struct bounds change_bounds(const struct change *change, double confidence)
{
	double tail = (1 - confidence) / 2, difference = change_difference(change);
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

double change_excess(const struct change *change, double factor, double limit)
{
	return change->new.value - factor * change->base.value - limit;
}

/* What one sample is worth, the mean by its share of the variance. Between a difference and the
 * next smaller one lies so much: half a step of the lattice that few samples make is taken off, or
 * 3 samples on one side would pass for significant against none on the other. */
static double step(const struct estimate *gained, const struct estimate *lost, double factor)
{
	double variance = gained->variance + square(factor) * lost->variance;
	double third = fmax(0, gained->third) + factor * square(factor) * fmax(0, lost->third);

	return variance > 0 ? third / variance : 0;
}

double change_p_value(const struct change *change, double factor, double limit)
{
	double excess = change_excess(change, factor, limit);
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
