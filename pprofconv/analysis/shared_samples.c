/* SPDX-License-Identifier: MIT */
#include "analysis/shared_samples.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis/estimate.h"
#include "base/hash.h"
#include "base/number_map.h"
#include "model/merged_metadata.h"
#include "model/sample_labels.h"

/* A record is the counts that the profiler keeps for one stack, pool and size class. Classes are
 * 2^(1/16) apart. Profiles have the mean block size as a label instead of the class; the mean may
 * change from dump to dump, but it stays within the class. */
#define CLASSES_PER_OCTAVE 16

struct record {
	double counted[2];   /* number of samples of the compared values, in each profile */
	double allocated[2]; /* number of samples ever allocated, in each profile */
};

struct side {
	struct sampling counted, allocated;
	VEC(uint64_t) stacks;  /* for each stack: a hash of its addresses */
	VEC(uint32_t) records; /* for each sample: its record */
};

struct matching {
	struct side sides[2];
	struct number_map
		map; /* from a hash of a record's stack, pool and size class to its number */
	VEC(struct record) records;
};

/* A merged profile has a comment with the key `run` for each of its runs. */
const char *shared_samples_run(const struct profile *profile)
{
	return merged_metadata_runs(profile) == 1 ? profile_metadata(profile, "run") : NULL;
}

/* Returns whether samples have intervals of their own. */
static bool has_intervals(const struct profile *profile)
{
	return sample_labels_key(profile, SAMPLE_LABEL_INTERVAL, SAMPLE_LABEL_UNIT) != 0;
}

bool shared_samples_is_one_run(const struct profile *base, const struct profile *new)
{
	const char *a = shared_samples_run(base), *b = shared_samples_run(new);

	return a && b && *a && strcmp(a, b) == 0 && base->period == new->period &&
	       !has_intervals(base) && !has_intervals(new);
}

static int hash_stacks(struct side *side)
{
	const struct profile *profile = side->counted.profile;
	int r = 0;

	for (uint32_t i = 0; !r && i < profile->stacks.n; i++) {
		uint64_t hash = 0;
		size_t n;
		const uint32_t *locations = profile_stack(profile, i, &n);

		for (size_t j = 0; j < n; j++)
			hash = hash_mix(hash, profile->locations.items[locations[j]].address);
		r = vec_push(&side->stacks, hash);
	}
	return r;
}

static int side_init(struct side *side, const struct profile *profile, size_t value)
{
	int allocated = profile_find_sample_type(profile, "alloc_space");

	sampling_init(&side->counted, profile, value);
	sampling_init(&side->allocated, profile, allocated >= 0 ? (size_t)allocated : value);
	return hash_stacks(side);
}

/* Returns a hash of the labels that are texts: records of different pools may have one stack. */
static uint64_t hash_labels(const struct profile *profile, uint32_t set)
{
	uint64_t hash = 0;
	size_t n;
	const struct profile_label *labels = profile_label_set(profile, set, &n);

	for (size_t i = 0; i < n; i++) {
		const char *key = profile_string(profile, labels[i].key);
		const char *text = profile_string(profile, labels[i].text);

		if (*text)
			hash += hash_bytes(hash_bytes(0, key, strlen(key)), text, strlen(text));
	}
	return hash;
}

static int find_record(struct matching *matching, uint64_t key, uint32_t *out_record)
{
	int r;

	*out_record = number_map_find(&matching->map, key);
	if (*out_record != NUMBER_MAP_NONE)
		return 0;
	*out_record = (uint32_t)matching->records.n;
	r = vec_push(&matching->records, (struct record){0});
	return r ? r : number_map_insert(&matching->map, key, *out_record);
}

static double count(const struct sampling *sampling, size_t sample)
{
	const int64_t *values = profile_values(sampling->profile, sample);
	struct sampling own = sampling_of_sample(sampling, sample);

	if (!sampling_is_sampled(sampling))
		return 0;
	return sampling_count(&own, (double)values[sampling->bytes],
			      sampling_own_size(sampling, sample));
}

static int count_sample(struct matching *matching, int number, size_t sample)
{
	struct side *side = &matching->sides[number];
	const struct profile *profile = side->counted.profile;
	const struct profile_sample *s = &profile->samples.items[sample];
	double size = sampling_size(&side->counted, sample);
	uint64_t class = size > 0 ? (uint64_t)(CLASSES_PER_OCTAVE * log2(size)) : 0;
	uint32_t found;
	int r = find_record(matching,
			    hash_mix(side->stacks.items[s->stack],
				     hash_mix(class, hash_labels(profile, s->labels))),
			    &found);

	if (r)
		return r;
	matching->records.items[found].counted[number] += count(&side->counted, sample);
	matching->records.items[found].allocated[number] += count(&side->allocated, sample);
	return vec_push(&side->records, found);
}

/* Returns how many samples of a record both dumps share. The number of allocated samples never
 * falls from one dump to the next. If it does fall, the dumps counted different things, and nothing
 * is shared. */
static double shared_of_record(const struct record *record)
{
	double since = record->allocated[1] - record->allocated[0];
	double most = fmin(record->counted[0], record->counted[1]);

	if (since < -0.5)
		return 0;
	return fmax(0, fmin(most, record->counted[1] - fmax(0, since)));
}

/* Divides the shared samples of each record among the profile's samples that belong to the
 * record. */
static int divide(const struct matching *matching, struct shared_samples *shared)
{
	const struct side *side = &matching->sides[1];
	int r = 0;

	for (size_t i = 0; !r && i < side->records.n; i++) {
		const struct record *record = &matching->records.items[side->records.items[i]];
		double n = count(&side->counted, i);
		double part = record->counted[1] > 0 ? n / record->counted[1] : 0;

		r = vec_push(&shared->n, part * shared_of_record(record));
	}
	return r;
}

static void matching_deinit(struct matching *matching)
{
	for (int i = 0; i < 2; i++) {
		vec_deinit(&matching->sides[i].stacks);
		vec_deinit(&matching->sides[i].records);
	}
	number_map_deinit(&matching->map);
	vec_deinit(&matching->records);
}

int shared_samples_init(struct shared_samples *shared, const struct profile *base,
			size_t base_value, const struct profile *new, size_t new_value)
{
	struct matching matching = {0};
	int r;

	*shared = (struct shared_samples){0};
	r = side_init(&matching.sides[0], base, base_value);
	if (!r)
		r = side_init(&matching.sides[1], new, new_value);
	for (size_t i = 0; !r && i < base->samples.n; i++)
		r = count_sample(&matching, 0, i);
	for (size_t i = 0; !r && i < new->samples.n; i++)
		r = count_sample(&matching, 1, i);
	if (!r)
		r = divide(&matching, shared);
	matching_deinit(&matching);
	return r;
}

void shared_samples_deinit(struct shared_samples *shared)
{
	vec_deinit(&shared->n);
}
