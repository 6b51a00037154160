/* SPDX-License-Identifier: MIT */
/* An estimate is a sampled value with its error. A block of s bytes is sampled with the probability
 * p = 1 - exp(-s/R) and counts v/p, where v is s for bytes and 1 for objects. A sum of such counts
 * has the variance V = sum (1-p)/p^2 v^2 and the third moment sum (1-p)(1-2p)/p^3 v^3, estimated
 * from the samples themselves.
 *
 * Profiles hold estimates, not samples. The samples are computed from them: R is the period of the
 * profile, s the label `bytes`, and n = bytes p / s. So a converted profile serves as well as the
 * dump that it was made of. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "model/profile.h"

struct estimate {
	double value;
	double variance;
	double third; /* third moment */
	double n;     /* samples that it comes from; if not sampled, objects or 0 */
	double seen;  /* sum of the sampled blocks themselves, the least that it can be */
	/* The expected number of blocks of R/2 and more that were not sampled, and what that many
	 * samples of them would add to the value. */
	double missed, missed_value;
};

/* How the values of one sample type of a profile were sampled. */
struct sampling {
	const struct profile *profile;
	size_t value;      /* the index of the sample type */
	int bytes;         /* the index of the bytes that belong to it, or -1 */
	int objects;       /* the index of the objects, or -1 */
	bool is_bytes;     /* whether the values are bytes themselves */
	double interval;   /* R, in bytes; 1 or less: nothing was left to chance */
	uint32_t size_key; /* string: the key of labels with the mean size; 0 if there are none */
};

/* Sets *sampling for the sample type with the index `value`. The profile must outlive the
 * sampling. */
void sampling_init(struct sampling *sampling, const struct profile *profile, size_t value);

/* Whether the values are estimates that have an error. */
bool sampling_is_sampled(const struct sampling *sampling);

/* Returns the mean size of the blocks of a sample, in bytes, by its label: of those in use, if
 * there are any. 0 if it is unknown. */
double sampling_size(const struct sampling *sampling, size_t sample);

/* Returns the mean size of the blocks that the values of the sampling count: by the values
 * themselves if rounding does not matter in them, else by the label. */
double sampling_own_size(const struct sampling *sampling, size_t sample);

/* Returns how many samples of that size a number of estimated bytes comes from. */
double sampling_count(const struct sampling *sampling, double bytes, double size);

/* Returns the estimate from `n` samples of that mean size. */
struct estimate sampling_weigh(const struct sampling *sampling, double n, double size);

/* Returns the value of one sample of the profile, with its error. */
struct estimate sampling_estimate(const struct sampling *sampling, size_t sample);

/* estimate_add() adds to a sum; estimate_less() returns what remains of `whole` without `part`. */
void estimate_add(struct estimate *sum, const struct estimate *added);
struct estimate estimate_less(const struct estimate *whole, const struct estimate *part);

struct bounds {
	double low, high;
};

/* Returns the score interval with skewness: est + z^2 w/2 +- z sqrt(V + z^2 w^2/4), w = third / V.
 * Each end is missed with the probability of the tail beyond `z`, of Student's distribution if
 * freedom is limited. Blocks much larger than R are nearly always sampled: they make w large and
 * negative, and V small. So the lower end is never below what was seen. Smaller blocks may exist of
 * which none was sampled. So the upper end is above the estimate by `unseen` at least, which the
 * caller knows. */
struct bounds estimate_bounds(const struct estimate *estimate, double z, double unseen);
