/* SPDX-License-Identifier: MIT */
/* An estimate is a sampled value with its error. A block of s bytes is sampled with the probability
 * p = 1 - exp(-s/R). A sampled block counts as v/p, where v is s for bytes and 1 for objects. A sum
 * of such counts has the variance V = sum (1-p)/p^2 v^2 and the third moment sum (1-p)(1-2p)/p^3
 * v^3, both estimated from the samples themselves.
 *
 * Profiles hold estimates, not numbers of samples. The number of samples is computed from an
 * estimate as n = bytes p / s, where R is the period of the profile and s is the label `bytes`. So
 * a converted profile serves as well as the dump that it was made from. A profile that was merged
 * from several may have samples with an R of their own. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "model/pool_labels.h"
#include "model/profile.h"

struct estimate {
	double value;
	double variance;
	double third; /* third moment */
	double n;     /* number of samples; in an exact profile: of objects, or 0 if unknown */
	double seen;  /* sum of the sampled blocks alone: the true value is not less */
	/* `missed` is the expected number of blocks of R/2 or more that were not sampled.
	 * `missed_value` is what as many sampled blocks add to `value`. */
	double missed, missed_value;
};

/* How the values of one sample type of a profile were sampled. */
struct sampling {
	const struct profile *profile;
	size_t value;    /* the index of the sample type */
	int bytes;       /* the index of the sample type with the bytes of the same blocks, or -1 */
	int objects;     /* the index of the sample type with their number, or -1 */
	bool is_bytes;   /* whether the values are bytes themselves */
	double interval; /* R, in bytes; the largest, if samples differ; 1 or less: not sampled */
	/* The keys of the labels with the mean block size and with a sample's own interval (see
	 * model/sample_labels.h); 0: no label. */
	uint32_t size_key, interval_key;
	struct pool_slack slack_samples;
	struct estimate slack; /* each of the samples that are the slack of pools, but its value */
};

/* Sets *sampling to how the sample type with the index `value` was sampled. The profile must
 * outlive the sampling. */
void sampling_init(struct sampling *sampling, const struct profile *profile, size_t value);

/* Returns whether the values are estimates, which have an error. */
bool sampling_is_sampled(const struct sampling *sampling);

/* Returns the mean size of a sample's blocks, in bytes, or 0 if it is unknown. The size comes from
 * the sample's label, which is about the blocks in use if there are any; without a label, it comes
 * from the values. */
double sampling_size(const struct sampling *sampling, size_t sample);

/* Returns the mean size of the blocks that this sample type counts. It is computed from the values
 * if rounding does not matter in them; otherwise it is that of sampling_size(). */
double sampling_own_size(const struct sampling *sampling, size_t sample);

/* Returns how this one sample was sampled: with its own interval, if it has one. */
struct sampling sampling_of_sample(const struct sampling *sampling, size_t sample);

/* Returns the number of samples, of blocks with the mean size `size`, from which `bytes` was
 * estimated. */
double sampling_count(const struct sampling *sampling, double bytes, double size);

/* Returns the estimate that follows from `n` samples of blocks with the mean size `size`. */
struct estimate sampling_weigh(const struct sampling *sampling, double n, double size);

/* Returns the value of one sample of the profile, with its error. */
struct estimate sampling_estimate(const struct sampling *sampling, size_t sample);

/* estimate_add() adds to a sum; estimate_less() returns what remains of `whole` without `part`. */
void estimate_add(struct estimate *sum, const struct estimate *added);
struct estimate estimate_less(const struct estimate *whole, const struct estimate *part);

struct bounds {
	double low, high;
};

/* Returns the score interval with skewness: est + z^2 w/2 +- z sqrt(V + z^2 w^2/4), where w = third
 * / V. The truth is beyond either end with the probability that Student's distribution exceeds `z`;
 * without a limit on the degrees of freedom, that is the normal distribution. Blocks much larger
 * than R are nearly always sampled: they make w large and negative, and V small. So the lower end
 * is never below what was seen. Small blocks may exist although none of them was sampled. So the
 * upper end is at least `unseen` above the estimate. */
struct bounds estimate_bounds(const struct estimate *estimate, double z, double unseen);

/* Returns how far the truth may be from an estimate of values with this sampling, up or down, with
 * a confidence of 95 %; 0 if they are not sampled. */
double sampling_error(const struct sampling *sampling, const struct estimate *estimate);
