/* SPDX-License-Identifier: MIT */
/* A sample that stays has the same n blocks with the mean size s as before; only the probability p
 * of a sample is another. Values are estimates n / p and n s / p, rounded, so n and s are computed
 * from them first. Where p was close to 1 and becomes small, an error in them is the same error in
 * the result, and the difference from a later dump, in which the same blocks are in use, would no
 * longer be 0. */
#include "transform/thin.h"

#include <math.h>

#include "model/pool_labels.h"
#include "model/sample_labels.h"
#include "model/unsample.h"

#define SIZE_STEPS  3
#define CLASS_RATIO 1.0443 /* above 2^(1/16), the ratio of the ends of a size class */

/* Values of the same blocks: their number, and their bytes. */
struct pair {
	int objects, bytes; /* indices of sample types */
	struct unsampler rounding;
};

/* Recorded blocks. */
struct blocks {
	double n, size; /* the mean size, in bytes */
};

struct thinning {
	struct profile *profile;
	int64_t from, to; /* intervals */
	uint32_t level_key, size_key;
	struct pair inuse, alloc;
	struct pair malloc_inuse, malloc_alloc; /* of profiles with pools; otherwise -1 */
	struct pool_slack slack;
};

static bool find_pair(const struct profile *profile, const char *objects, const char *bytes,
		      struct pair *out)
{
	out->objects = profile_find_sample_type(profile, objects);
	out->bytes = profile_find_sample_type(profile, bytes);
	return out->objects >= 0 && out->bytes >= 0;
}

/* Finds what only profiles with pools have. */
static void find_pools(struct thinning *thinning)
{
	const struct profile *profile = thinning->profile;

	find_pair(profile, POOL_MALLOC_PREFIX "inuse_objects", POOL_MALLOC_PREFIX "inuse_space",
		  &thinning->malloc_inuse);
	find_pair(profile, POOL_MALLOC_PREFIX "alloc_objects", POOL_MALLOC_PREFIX "alloc_space",
		  &thinning->malloc_alloc);
	pool_slack_init(&thinning->slack, profile);
}

static bool thinning_init(struct thinning *thinning, struct profile *profile, int64_t to)
{
	*thinning = (struct thinning){
		.profile = profile,
		.from = profile_bytes_period(profile),
		.to = to,
		.level_key = sample_labels_key(profile, SAMPLE_LABEL_LEVEL, SAMPLE_LABEL_UNIT),
		.size_key = sample_labels_key(profile, SAMPLE_LABEL_SIZE, NULL),
	};
	find_pools(thinning);
	return find_pair(profile, "inuse_objects", "inuse_space", &thinning->inuse) &&
	       find_pair(profile, "alloc_objects", "alloc_space", &thinning->alloc) &&
	       thinning->from > 0;
}

bool thin_is_possible(const struct profile *profile)
{
	struct thinning thinning;

	if (!thinning_init(&thinning, (struct profile *)profile, 0) || profile->kept_interval ||
	    sample_labels_key(profile, SAMPLE_LABEL_INTERVAL, SAMPLE_LABEL_UNIT))
		return false;
	for (size_t i = 0; i < profile->samples.n; i++)
		if (!sample_labels_number(profile, i, thinning.level_key) &&
		    !pool_slack_is(&thinning.slack, profile, i))
			return false;
	return true;
}

static double chance(double size, int64_t interval)
{
	return interval > 1 ? -expm1(-size / (double)interval) : 1;
}

static bool has_inuse(const struct thinning *thinning, size_t sample)
{
	const int64_t *values = profile_values(thinning->profile, sample);
	int of_malloc = thinning->malloc_inuse.objects;

	return values[thinning->inuse.objects] > 0 || (of_malloc >= 0 && values[of_malloc] > 0);
}

/* Returns the nearest size that is in keeping with the label, which was rounded down. The label is
 * of the blocks in use, if there are any; others are of the same size class. */
static double by_label(const struct thinning *thinning, size_t sample, const struct pair *pair,
		       double size)
{
	double label = (double)sample_labels_number(thinning->profile, sample, thinning->size_key);
	bool is_inuse = pair == &thinning->inuse || pair == &thinning->malloc_inuse;
	double slack = is_inuse || !has_inuse(thinning, sample) ? 1 : CLASS_RATIO;

	return label > 0 ? fmin(fmax(size, label / slack), (label + 1) * slack) : size;
}

/* The number of blocks is a whole number, so it is known exactly unless it is large. Then each step
 * brings the size closer to the bytes, the more so the closer p is to 1. */
static struct blocks find_blocks(const struct thinning *thinning, size_t sample,
				 const struct pair *pair)
{
	const int64_t *values = profile_values(thinning->profile, sample);
	double bytes = (double)values[pair->bytes];
	struct blocks blocks = {
		.size = by_label(thinning, sample, pair, bytes / (double)values[pair->objects]),
	};

	blocks.n = bytes * chance(blocks.size, thinning->from) / blocks.size;
	blocks.n = fmax(1, round(blocks.n));
	for (int i = 0; i < SIZE_STEPS; i++)
		blocks.size = by_label(thinning, sample, pair,
				       bytes * chance(blocks.size, thinning->from) / blocks.n);
	return blocks;
}

static int thin_pair(struct thinning *thinning, size_t sample, struct pair *pair)
{
	int64_t *values = profile_values(thinning->profile, sample);
	struct blocks blocks;
	double estimate;
	int r;

	if (pair->objects < 0 || pair->bytes < 0 || values[pair->objects] <= 0 ||
	    values[pair->bytes] <= 0)
		return 0;
	blocks = find_blocks(thinning, sample, pair);
	estimate = blocks.n / chance(blocks.size, thinning->to);
	r = unsample_round(&pair->rounding.objects_carry, estimate, &values[pair->objects]);
	return r ? r
		 : unsample_round(&pair->rounding.bytes_carry, estimate * blocks.size,
				  &values[pair->bytes]);
}

static int thin_sample(struct thinning *thinning, size_t sample)
{
	struct profile *profile = thinning->profile;
	struct pair *pairs[] = {&thinning->alloc, &thinning->inuse, &thinning->malloc_alloc,
				&thinning->malloc_inuse};
	int r = 0;

	if (sample_labels_number(profile, sample, thinning->level_key) < thinning->to) {
		memset(profile_values(profile, sample), 0,
		       profile->sample_types.n * sizeof(int64_t));
		return 0;
	}
	for (size_t i = 0; !r && i < sizeof(pairs) / sizeof(pairs[0]); i++)
		r = thin_pair(thinning, sample, pairs[i]);
	return r;
}

/* The slack of pools, which has no level and is 0 by now, is what makes both views add up to the
 * same. */
static void settle_slack(struct thinning *thinning)
{
	struct profile *profile = thinning->profile;
	int64_t *slack = NULL, sum = 0;

	for (size_t i = 0; i < profile->samples.n; i++) {
		int64_t *values = profile_values(profile, i);

		if (pool_slack_is(&thinning->slack, profile, i))
			slack = &values[thinning->inuse.bytes];
		else
			sum += values[thinning->malloc_inuse.bytes] - values[thinning->inuse.bytes];
	}
	if (slack)
		*slack = sum;
}

void thin_profile(struct profile *profile, int64_t interval)
{
	struct thinning thinning;
	int r = 0;

	thinning_init(&thinning, profile, interval);
	for (size_t i = 0; !r && i < profile->samples.n; i++)
		r = thin_sample(&thinning, i);
	if (thinning.malloc_inuse.bytes >= 0)
		settle_slack(&thinning);
	if (r)
		profile_fail(profile, r);
	profile->period = interval;
}
