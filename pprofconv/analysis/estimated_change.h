/* SPDX-License-Identifier: MIT */
/* The difference of two estimates, and how sure it is. */
#pragma once
#include <stdbool.h>

#include "analysis/estimate.h"

/* All zeroes: nothing on either side. */
struct estimated_change {
	struct estimate base, new;
	/* What two dumps of one run have in common: blocks that were sampled before the first and
	 * are there in the second. They are the same samples, so nothing of them varies. */
	struct estimate shared;
	/* Of the variances: infinite where they come from theory alone, fewer where they come from
	 * the spread among several runs. */
	double base_freedom, new_freedom;
	/* What may be there where nothing was sampled, with the confidence 1 - 1/e: the interval
	 * R. 0 where nothing is left to chance. */
	double base_unseen, new_unseen;
	bool is_objects; /* of sampled blocks: a few tiny ones may be most of them */
};

double estimated_change_difference(const struct estimated_change *change);

/* The difference as a part of the base; infinite where there is no base. */
double estimated_change_ratio(const struct estimated_change *change);

/* Whether there are enough samples to speak of. Samples of objects say little where the estimate's
 * square is less than 20 variances; those of bytes always do. */
bool estimated_change_has_enough(const struct estimated_change *change);

/* Whether the difference has an error. */
bool estimated_change_is_exact(const struct estimated_change *change);

/* Between what and what the difference lies with that confidence, such as 0.95. From the intervals
 * of what came and what went, which need not be symmetric (the method of variance estimates
 * recovery). */
struct bounds estimated_change_bounds(const struct estimated_change *change, double confidence);

/* The probability that `new - factor * base - limit` comes out so high or higher where it truly is
 * 0. Of two runs variances add: Var(new) + factor^2 Var(base). Never less than the chance that the
 * side that lacks them holds those bytes, unsampled: exp(-bytes / R). */
double estimated_change_p_value(const struct estimated_change *change, double factor, double limit);

/* What `new - factor * base - limit` is. */
double estimated_change_excess(const struct estimated_change *change, double factor, double limit);
