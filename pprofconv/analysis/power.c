/* SPDX-License-Identifier: MIT */
#include "analysis/power.h"

#include <math.h>

#include "analysis/statistics.h"

#define MISS       0.15   /* how often the test may pass in spite of the growth */
#define GROWTH_MAX 0x1p62 /* bytes; larger growth counts as infinite */
#define PRECISION  0.001
#define DOUBLINGS  62
#define BISECTIONS 20

/* Changes an estimate to what it would be at `part` times the sample interval. An error that comes
 * from the spread among runs (its freedom is finite) does not depend on the interval. */
static void refine(struct estimate *estimate, double freedom, double part)
{
	if (part == 1 || isfinite(freedom))
		return;
	estimate->variance *= part;
	estimate->third *= part * part;
	estimate->n /= part;
	estimate->missed = estimate->missed_value = 0;
}

static struct estimated_change refined(const struct estimated_change *change, double part)
{
	struct estimated_change fine = *change;

	refine(&fine.base, change->base_freedom, part);
	refine(&fine.new, change->new_freedom, part);
	refine(&fine.shared, STATISTICS_NORMAL, part);
	fine.base_unseen *= part;
	fine.new_unseen *= part;
	return fine;
}

/* Returns the estimate of both sides together, scaled to one byte (or object), so that its value is
 * 1. If nothing was sampled, blocks are assumed to be much smaller than the interval, so each
 * sample counts for one interval. */
static struct estimate of_one(const struct estimated_change *change)
{
	struct estimate sum = change->base;
	double interval = fmax(change->base_unseen, change->new_unseen), value;

	estimate_add(&sum, &change->new);
	value = sum.value;
	if (value <= 0)
		return (struct estimate){.value = 1,
					 .variance = interval,
					 .third = interval * interval,
					 .n = interval > 0 ? 1 / interval : 0};
	return (struct estimate){
		.value = 1,
		.variance = sum.variance / value,
		.third = sum.third / value,
		.n = sum.n / value,
		.missed = sum.missed / value,
		.missed_value = sum.missed_value / value,
	};
}

static void add_growth(struct estimate *estimate, const struct estimate *one, double growth)
{
	estimate->variance += growth * one->variance;
	estimate->third += growth * one->third;
	estimate->n += growth * one->n;
	estimate->missed += growth * one->missed;
	estimate->missed_value += growth * one->missed_value;
}

static double deviation(const struct estimated_change *change, double factor)
{
	struct estimate gained = estimate_less(&change->new, &change->shared);
	struct estimate lost = estimate_less(&change->base, &change->shared);

	return sqrt(gained.variance + factor * factor * lost.variance +
		    (factor - 1) * (factor - 1) * change->shared.variance);
}

/* Returns whether any block of the growth is sampled, in all but MISS of the cases. */
static bool is_sampled(const struct estimate *one, double growth)
{
	return growth * one->n >= -log(MISS);
}

/* Returns whether the test fails even when sampling makes the growth look smaller, by an amount
 * that is exceeded in only MISS of all cases. */
static bool is_seen(const struct estimated_change *change, const struct power_test *test,
		    const struct estimate *one, double growth)
{
	struct estimated_change grown = *change;
	double lost = statistics_quantile(MISS, STATISTICS_NORMAL);

	add_growth(&grown.new, one, fmax(0, growth - estimated_change_difference(change)));
	lost *= deviation(&grown, test->factor);
	grown.new.value = change->base.value + growth - lost;
	return is_sampled(one, growth) && estimated_change_has_enough(&grown) &&
	       estimated_change_p_value(&grown, test->factor, test->limit) < test->level;
}

double power_growth(const struct estimated_change *change, const struct power_test *test,
		    double part)
{
	struct estimated_change fine = refined(change, part);
	struct estimate one = of_one(&fine);
	double allowed = (test->factor - 1) * fmax(0, change->base.value) + test->limit;
	double low = allowed, high = fmax(1, allowed);

	if (estimated_change_is_exact(change))
		return allowed;
	for (int i = 0; i < DOUBLINGS && high < GROWTH_MAX && !is_seen(&fine, test, &one, high);
	     i++)
		high *= 2;
	if (!is_seen(&fine, test, &one, high))
		return INFINITY;
	for (int i = 0; i < BISECTIONS && high - low > PRECISION * high; i++) {
		double middle = (low + high) / 2;

		if (is_seen(&fine, test, &one, middle))
			high = middle;
		else
			low = middle;
	}
	return high;
}
