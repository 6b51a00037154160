/* SPDX-License-Identifier: MIT */
/* Unsampling turns sampled counts into estimates of what was allocated. A sampler with interval R
 * records an allocation of size s with probability 1 - exp(-s/R), so each recorded one counts for
 * the reciprocal of that. */
#pragma once
#include <stdint.h>

/* Rounds one of several values so that they add up to their rounded sum. `carry`, 0 at first, is
 * the remainder of rounding so far. Returns 0, or -EOVERFLOW. */
int unsample_round(double *carry, double value, int64_t *out);

/* Returns how many allocations each of `objects` samples with a total of `bytes` counts for, by
 * their mean size; 1 if the interval is 1 or less (all were recorded, or it is not known). Neither
 * count may be 0. */
double unsample_factor(int64_t objects, int64_t bytes, int64_t interval);

/* The remainders of rounding so far, for one running total of objects and one of bytes. */
struct unsampler {
	double objects_carry;
	double bytes_carry;
};

/* Replaces sampled counts by estimates, rounded so that the sum over all calls is the rounded sum
 * of the exact estimates; each is less than 1 away from its own. A sample without objects or bytes
 * counts as 0. With an interval of 1 or less the counts stay as they are. Returns 0, or
 * -EOVERFLOW. */
int unsample(struct unsampler *unsampler, int64_t interval, int64_t *objects, int64_t *bytes);
