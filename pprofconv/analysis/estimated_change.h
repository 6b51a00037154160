/* SPDX-License-Identifier: MIT */
/* An estimated change is the difference of two estimates, with its error. */
#pragma once
#include <stdbool.h>

#include "analysis/estimate.h"

/* All zeroes: both sides are empty. */
struct estimated_change {
	struct estimate base, new;
	/* The part that two dumps of one run have in common: blocks that were sampled before the
	 * first dump and are in use in both. Both dumps hold the same samples of them, so this part
	 * has no error in the difference. */
	struct estimate shared;
	/* Degrees of freedom of the variances: infinite if they come from theory alone, fewer if
	 * they come from the spread among several runs. */
	double base_freedom, new_freedom;
	/* Bytes that may exist although none of them was sampled: with the confidence 1 - 1/e there
	 * are no more. This is the interval R, or R/n for a mean of n runs; 0 if nothing is left to
	 * chance. */
	double base_unseen, new_unseen;
	/* Values are numbers of blocks: a few samples of tiny blocks may be most of the value. */
	bool is_objects;
};

double estimated_change_difference(const struct estimated_change *change);

/* Returns the difference as a share of the base. If the base is 0, returns 0 if the difference is 0
 * too, otherwise an infinity with its sign. */
double estimated_change_ratio(const struct estimated_change *change);

/* Returns whether there are enough samples for an interval. Bytes always have enough, and so has an
 * exact change. Other objects have enough if the square of their number, summed over both sides, is
 * at least 20 times its variance. */
bool estimated_change_has_enough(const struct estimated_change *change);

/* Returns whether the difference has no error. */
bool estimated_change_is_exact(const struct estimated_change *change);

/* Returns the bounds of the difference at the given confidence, such as 0.95. They are computed
 * from the interval of what was gained and the interval of what was lost, which need not be
 * symmetric (the method of variance estimates recovery). */
struct bounds estimated_change_bounds(const struct estimated_change *change, double confidence);

/* Returns the probability that chance makes `new - factor * base - limit` as high as it is, or
 * higher, if its true value is 0. The variances of two runs add up: Var(new) + factor^2 Var(base).
 * For a positive excess, the result is never less than exp(-excess / R), the probability that the
 * other side has as many more bytes, none of them sampled, or 0.5 if that is less; for a negative
 * excess, it is never more than 1 minus that. */
double estimated_change_p_value(const struct estimated_change *change, double factor, double limit);

/* Returns `new - factor * base - limit`. */
double estimated_change_excess(const struct estimated_change *change, double factor, double limit);
