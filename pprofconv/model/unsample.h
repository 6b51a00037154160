/* SPDX-License-Identifier: MIT */
/* Unsampling turns sampled counts into estimates of what was allocated. A sampler with interval R
 * records an allocation of size s with probability 1 - exp(-s/R), so each recorded allocation
 * counts for 1 / (1 - exp(-s/R)) allocations. */
#pragma once
#include <stdint.h>

/* Rounds the next of several values, so that the rounded values add up to the rounded sum of the
 * values. *carry keeps the remainder of rounding between calls, and must be 0 at the first call.
 * Returns 0, or -EOVERFLOW. */
int unsample_round(double *carry, double value, int64_t *out);

/* Returns how many allocations each sample counts for, if there are `objects` samples with `bytes`
 * in total: all are treated as having the mean size. Returns 1 if the interval is 1 (every
 * allocation was recorded) or less (the interval is not known). Neither count may be 0. */
double unsample_factor(int64_t objects, int64_t bytes, int64_t interval);

/* The remainders of rounding so far, for the sum of objects and for the sum of bytes. */
struct unsampler {
	double objects_carry;
	double bytes_carry;
};

/* Replaces sampled counts by estimates, rounded so that the sum over all calls is the rounded sum
 * of the exact estimates. Each result differs from its exact estimate by less than 1. A sample
 * without objects or bytes counts as 0. With an interval of 1 or less the counts stay as they are.
 * Returns 0, or -EOVERFLOW. */
int unsample(struct unsampler *unsampler, int64_t interval, int64_t *objects, int64_t *bytes);
