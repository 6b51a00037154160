/* SPDX-License-Identifier: MIT */
#include "analysis/estimate.h"

#include <math.h>

#include "analysis/statistics.h"
#include "model/sample_labels.h"

#define OBJECTS_ENOUGH    1000 /* objects; then rounding changes the mean by less than 1 in 1,000 */
#define LARGE_OF_INTERVAL 0.5
#define CONFIDENCE        0.95 /* of sampling_error() */
#define SAMPLE_LEAST      0.25 /* fewer samples count as none */

/* --- how a profile was sampled ------------------------------------------------------------- */

/* Returns the index of the sample type whose name is `type`, with the part after the last '_'
 * replaced by `end`; returns -1 if there is none. For alloc_space and "objects", that is
 * alloc_objects. */
static int find_sibling(const struct profile *profile, const char *type, const char *end)
{
	const char *mark = strrchr(type, '_');
	size_t prefix = mark ? (size_t)(mark + 1 - type) : 0;

	for (size_t i = 0; i < profile->sample_types.n; i++) {
		const char *other = profile_string(profile, profile->sample_types.items[i].type);

		if (strncmp(other, type, prefix) == 0 && strcmp(other + prefix, end) == 0)
			return (int)i;
	}
	return -1;
}

static void use_value(struct sampling *sampling, size_t value)
{
	const struct profile *profile = sampling->profile;
	const struct profile_value_type *type = &profile->sample_types.items[value];
	const char *name = profile_string(profile, type->type);

	sampling->value = value;
	sampling->bytes = find_sibling(profile, name, "space");
	sampling->objects = find_sibling(profile, name, "objects");
	sampling->is_bytes = strcmp(profile_string(profile, type->unit), "bytes") == 0;
}

/* Adds the error of a sample of blocks, or of objects, which are subtracted. */
static void add_to_slack(struct estimate *sum, const struct sampling *sampling, size_t sample,
			 bool is_object)
{
	struct estimate e = sampling_estimate(sampling, sample);

	sum->variance += e.variance;
	sum->third += is_object ? -e.third : e.third;
	sum->n += e.n;
}

/* The slack of pools is a difference of blocks and objects: their errors are independent, and add
 * up. It is one sample, unless profiles with different intervals were merged; their errors are
 * divided, because they are in one row. */
static void find_slack(struct sampling *sampling)
{
	const struct profile *profile = sampling->profile;
	int of_malloc = pool_malloc_sibling(profile, sampling->value);
	struct sampling blocks = *sampling, *views[] = {sampling, &blocks};
	struct estimate *sum = &sampling->slack;
	double n = 0;

	if (of_malloc < 0)
		return;
	use_value(&blocks, (size_t)of_malloc);
	for (size_t i = 0; i < profile->samples.n; i++) {
		const int64_t *values = profile_values(profile, i);
		bool is_object = values[sampling->value] != 0;

		if (pool_slack_is(&sampling->slack_samples, profile, i))
			n++;
		else if (values[sampling->value] != values[of_malloc])
			add_to_slack(sum, views[!is_object], i, is_object);
	}
	n = fmax(1, n);
	sum->variance /= n;
	sum->third /= n;
	sum->n /= n;
}

void sampling_init(struct sampling *sampling, const struct profile *profile, size_t value)
{
	const char *unit = profile_string(profile, profile->period_type.unit);
	bool is_by_bytes = strcmp(unit, "bytes") == 0 && profile->period > 1;

	*sampling = (struct sampling){
		.profile = profile,
		.interval = is_by_bytes ? (double)profile->period : 0,
		.size_key = sample_labels_key(profile, SAMPLE_LABEL_SIZE, NULL),
		.interval_key =
			sample_labels_key(profile, SAMPLE_LABEL_INTERVAL, SAMPLE_LABEL_UNIT),
	};
	use_value(sampling, value);
	pool_slack_init(&sampling->slack_samples, profile);
	if (sampling->slack_samples.slack && sampling_is_sampled(sampling))
		find_slack(sampling);
}

bool sampling_is_sampled(const struct sampling *sampling)
{
	return sampling->interval > 1 && sampling->bytes >= 0;
}

/* Returns a sample's bytes per object, computed from its values. Returns 0 if either value is
 * missing, or if there are fewer than `least` objects. */
static double ratio(const struct sampling *sampling, size_t sample, int64_t least)
{
	const int64_t *values = profile_values(sampling->profile, sample);

	if (sampling->bytes < 0 || sampling->objects < 0 || values[sampling->objects] < least)
		return 0;
	return fmax(0, (double)values[sampling->bytes] / (double)values[sampling->objects]);
}

double sampling_size(const struct sampling *sampling, size_t sample)
{
	int64_t size = sample_labels_number(sampling->profile, sample, sampling->size_key);

	return size ? (double)size : ratio(sampling, sample, 1);
}

double sampling_own_size(const struct sampling *sampling, size_t sample)
{
	double size = ratio(sampling, sample, OBJECTS_ENOUGH);

	return size > 0 ? size : sampling_size(sampling, sample);
}

struct sampling sampling_of_sample(const struct sampling *sampling, size_t sample)
{
	int64_t interval = sample_labels_number(sampling->profile, sample, sampling->interval_key);
	struct sampling own = *sampling;

	if (interval)
		own.interval = (double)interval;
	return own;
}

/* --- estimates ----------------------------------------------------------------------------- */

/* Returns the probability that a block is sampled. If R is 1 or less, every block is recorded. */
static double hit(const struct sampling *sampling, double size)
{
	return sampling->interval > 1 ? -expm1(-size / sampling->interval) : 1;
}

static double miss(const struct sampling *sampling, double size)
{
	return sampling->interval > 1 ? exp(-size / sampling->interval) : 0;
}

double sampling_count(const struct sampling *sampling, double bytes, double size)
{
	return size > 0 ? fabs(bytes) * hit(sampling, size) / size : 0;
}

struct estimate sampling_weigh(const struct sampling *sampling, double n, double size)
{
	double p = hit(sampling, size);
	double worth = sampling->is_bytes ? size : 1, weight = worth / p;
	double missed = n * miss(sampling, size);
	struct estimate estimate = {
		.value = n * weight,
		.variance = missed * weight * weight,
		.third = missed * (1 - 2 * p) * weight * weight * weight,
		.n = n,
		.seen = n * worth,
	};

	if (size >= LARGE_OF_INTERVAL * sampling->interval) {
		estimate.missed = missed / p;
		estimate.missed_value = missed / p * weight;
	}
	return estimate;
}

struct estimate sampling_estimate(const struct sampling *sampling, size_t sample)
{
	const int64_t *values = profile_values(sampling->profile, sample);
	struct sampling own = sampling_of_sample(sampling, sample);
	struct estimate estimate = {0};
	double size;

	if (sampling_is_sampled(sampling) &&
	    pool_slack_is(&sampling->slack_samples, sampling->profile, sample)) {
		estimate = sampling->slack;
	} else if (sampling_is_sampled(sampling)) {
		size = sampling_own_size(sampling, sample);
		if (size > 0)
			estimate = sampling_weigh(
				&own, sampling_count(&own, (double)values[sampling->bytes], size),
				size);
	} else if (sampling->objects >= 0) {
		estimate.n = fabs((double)values[sampling->objects]);
	}
	estimate.value = (double)values[sampling->value];
	return estimate;
}

void estimate_add(struct estimate *sum, const struct estimate *added)
{
	sum->value += added->value;
	sum->variance += added->variance;
	sum->third += added->third;
	sum->n += added->n;
	sum->seen += added->seen;
	sum->missed += added->missed;
	sum->missed_value += added->missed_value;
}

/* Values are rounded. So if `part` is all of `whole`, the rest may be a fraction of a sample
 * instead of 0. The moments of such a rest would come from rounding, and their ratio would be
 * arbitrary, so they are set to 0. */
struct estimate estimate_less(const struct estimate *whole, const struct estimate *part)
{
	struct estimate rest = {
		.value = whole->value - part->value,
		.variance = whole->variance - part->variance,
		.third = whole->third - part->third,
		.n = whole->n - part->n,
	};

	if (rest.n < SAMPLE_LEAST)
		return (struct estimate){.value = rest.value};
	rest.variance = fmax(0, rest.variance);
	rest.seen = fmax(0, whole->seen - part->seen);
	rest.missed = fmax(0, whole->missed - part->missed);
	rest.missed_value = fmax(0, whole->missed_value - part->missed_value);
	return rest;
}

struct bounds estimate_bounds(const struct estimate *estimate, double z, double unseen)
{
	double least = estimate->value + unseen, w, middle, half, low;

	if (estimate->variance <= 0)
		return (struct bounds){estimate->value, least};
	w = estimate->third / estimate->variance;
	middle = estimate->value + z * z * w / 2;
	half = z * sqrt(estimate->variance + z * z * w * w / 4);
	low = middle - half;
	/* If `seen` is larger, the estimate is a difference, not a sum of samples. */
	if (estimate->seen <= estimate->value)
		low = fmax(low, estimate->seen);
	return (struct bounds){low, fmax(middle + half, least)};
}

double sampling_error(const struct sampling *sampling, const struct estimate *estimate)
{
	double unseen = sampling->is_bytes ? -log(1 - CONFIDENCE) * sampling->interval : 0;
	struct bounds bounds;

	if (!sampling_is_sampled(sampling))
		return 0;
	bounds = estimate_bounds(
		estimate, statistics_quantile((1 - CONFIDENCE) / 2, STATISTICS_NORMAL), unseen);
	return fmax(bounds.high - estimate->value, estimate->value - bounds.low);
}
