/* SPDX-License-Identifier: MIT */
/* An estimated change is the difference of two estimates, with its error. */
#pragma once
#include <stdbool.h>

#include "analysis/estimate.h"

/* All zeroes: nothing on either side. */
struct estimated_change {
	struct estimate base, new;
	/* The part that two dumps of one run have in common: blocks that were sampled before the
	 * first dump and are in use in the second. They are the same samples, so their part does
	 * not vary. */
	struct estimate shared;
	/* Degrees of freedom of the variances: infinite if they come from theory alone, fewer if
	 * they come from the spread among several runs. */
	double base_freedom, new_freedom;
	/* Bytes that may be there where nothing was sampled, with the confidence 1 - 1/e: the
	 * interval R. 0 if nothing is left to chance. */
	double base_unseen, new_unseen;
	bool is_objects; /* values count sampled blocks: a few tiny ones may be most of them */
};

double estimated_change_difference(const struct estimated_change *change);

/* The difference as a share of the base; infinite if there is no base. */
double estimated_change_ratio(const struct estimated_change *change);

/* Whether there are enough samples for an interval. Counts of objects have too few if the square of
 * the estimate is less than 20 variances; bytes always have enough. */
bool estimated_change_has_enough(const struct estimated_change *change);

/* Whether the difference has no error. */
bool estimated_change_is_exact(const struct estimated_change *change);

/* Returns the bounds of the difference with that confidence, such as 0.95. They follow from the
 * intervals of what came and of what went, which need not be symmetric (the method of variance
 * estimates recovery). */
struct bounds estimated_change_bounds(const struct estimated_change *change, double confidence);

/* Returns the probability that `new - factor * base - limit` comes out so high or higher if it
 * truly is 0. Variances of two runs add up: Var(new) + factor^2 Var(base). The result is never less
 * than the chance that the side that lacks those bytes has them, unsampled: exp(-bytes / R). */
double estimated_change_p_value(const struct estimated_change *change, double factor, double limit);

/* Returns `new - factor * base - limit`. */
double estimated_change_excess(const struct estimated_change *change, double factor, double limit);
