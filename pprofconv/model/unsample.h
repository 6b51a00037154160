/* SPDX-License-Identifier: MIT */
/* From what was sampled to what was allocated. A sampler with interval R records an allocation of
 * size s with probability 1 - exp(-s/R), so each one that it recorded stands for the reciprocal. */
#pragma once
#include <stdint.h>

/* Rounds one of several values so that they add up to their rounded sum: `carry`, 0 at first, is
 * what rounding left over so far. 0, or -EOVERFLOW. */
int unsample_round(double *carry, double value, int64_t *out);

/* How many allocations each of `objects` samples with `bytes` in all stands for, by their mean
 * size; 1 if the interval is 1 or less (all were recorded, or it is not known). Neither count may
 * be 0. */
double unsample_factor(int64_t objects, int64_t bytes, int64_t interval);

/* What rounding left over so far, of one running total of objects and one of bytes. */
struct unsampler {
	double objects_carry;
	double bytes_carry;
};

/* Turns sampled counts into estimates, rounded so that the sum over all calls is the rounded sum of
 * the exact estimates; each is less than 1 away from its own. Samples of nothing count nothing.
 * With an interval of 1 or less the counts stay as they are. 0, or -EOVERFLOW. */
int unsample(struct unsampler *unsampler, int64_t interval, int64_t *objects, int64_t *bytes);
