/* SPDX-License-Identifier: MIT */
/* What a sampled value is worth. A block of s bytes is sampled with the probability
 * p = 1 - exp(-s/R) and counts v/p, where v is s for bytes and 1 for objects. A sum of such counts
 * has the variance V = sum (1-p)/p^2 v^2 and the third moment sum (1-p)(1-2p)/p^3 v^3, estimated
 * from the samples themselves.
 *
 * Profiles hold estimates, not samples. What is needed of those is found again: R is the profile's
 * period, s the label `bytes`, and n = bytes p / s. So a converted profile serves as well as the
 * dump it was made of. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "model/profile.h"

struct estimate {
	double value;
	double variance;
	double third; /* third moment */
	double n;     /* samples behind it; of a profile that is not sampled, objects or 0 */
	double seen;  /* what the samples themselves come to, less than which it can't be */
	/* How many blocks of R/2 and more were not sampled, by expectation, and what that many
	 * samples of them would add to the value. */
	double missed, missed_value;
};

/* How the values of one place of a profile's samples were sampled. */
struct sampling {
	const struct profile *profile;
	size_t value;      /* the place */
	int bytes;         /* the place of the bytes that belong to it, or -1 */
	int objects;       /* the place of the objects, or -1 */
	bool is_bytes;     /* whether the values are bytes themselves */
	double interval;   /* R; 1 or less: nothing was left to chance */
	uint32_t size_key; /* string: of the label that holds the mean size; 0 if there is none */
};

/* Finds out for the values of place `value` of the profile, which must outlive the sampling. */
void sampling_init(struct sampling *sampling, const struct profile *profile, size_t value);

/* Whether the values are estimates that have an error. */
bool sampling_is_sampled(const struct sampling *sampling);

/* The mean size of the blocks that a sample stands for, in bytes, as its label has it: of what is
 * in use, if anything is. 0 if it is not known. */
double sampling_size(const struct sampling *sampling, size_t sample);

/* The same of what the values in question count: by the values themselves where rounding can't be
 * felt in them. */
double sampling_own_size(const struct sampling *sampling, size_t sample);

/* How many samples of that size a number of estimated bytes comes from. */
double sampling_count(const struct sampling *sampling, double bytes, double size);

/* What `n` samples of that mean size are worth. */
struct estimate sampling_weigh(const struct sampling *sampling, double n, double size);

/* What the profile's sample is worth: the value that stands there, with its error. */
struct estimate sampling_estimate(const struct sampling *sampling, size_t sample);

/* Sums, and what remains of a sum without a part of it. */
void estimate_add(struct estimate *sum, const struct estimate *added);
struct estimate estimate_less(const struct estimate *whole, const struct estimate *part);

struct bounds {
	double low, high;
};

/* The score interval with skewness: est + z^2 w/2 +- z sqrt(V + z^2 w^2/4), w = third / V. Each end
 * is missed with the probability that Student's distribution with `freedom` gives to `z`. Blocks
 * much larger than R are nearly always sampled: they make w large and negative, and V small. So the
 * lower end is never below what was seen; and as smaller blocks may be there of which none was
 * sampled, the upper end lies above the estimate by `unseen` at least, which the caller knows. */
struct bounds estimate_bounds(const struct estimate *estimate, double z, double unseen);
