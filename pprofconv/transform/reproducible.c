/* SPDX-License-Identifier: MIT */
#include "transform/reproducible.h"

#include <stdlib.h>

#include "model/unsample.h"
#include "transform/canonical.h"
#include "transform/merge.h"

#define PAGE        4096
#define FIRST_START 0x10000

static int compare_mappings(const void *left, const void *right, void *profile)
{
	const uint32_t *a = left, *b = right;

	if (*a == 0 || *b == 0) /* the program comes first */
		return *a == *b ? 0 : *a == 0 ? -1 : 1;
	return canonical_compare_files(profile, *a, *b);
}

/* Places the mappings one after the other in the given order. Sets deltas[i] to how far mapping i
 * moved. */
static void lay_out(struct profile *profile, const uint32_t *order, uint64_t *deltas)
{
	uint64_t start = FIRST_START;

	for (size_t i = 0; i < profile->mappings.n; i++) {
		struct profile_mapping *mapping = &profile->mappings.items[order[i]];
		uint64_t size = mapping->limit - mapping->start;

		deltas[order[i]] = start - mapping->start;
		mapping->start = start;
		mapping->limit = start + size;
		start += (canonical_size_in_pages(mapping) + 1) * PAGE;
	}
}

static void move_locations(struct profile *profile, const uint64_t *deltas)
{
	vec_foreach (location, &profile->locations)
		if (location->mapping != PROFILE_NONE)
			location->address += deltas[location->mapping];
}

static bool move(struct profile *profile)
{
	size_t n = profile->mappings.n;
	uint32_t *order = calloc(n + 1, sizeof(*order));
	uint64_t *deltas = calloc(n + 1, sizeof(*deltas));
	bool is_done = order && deltas;

	if (is_done) {
		for (uint32_t i = 0; i < n; i++)
			order[i] = i;
		qsort_r(order, n, sizeof(*order), compare_mappings, profile);
		lay_out(profile, order, deltas);
		move_locations(profile, deltas);
	}
	free(order);
	free(deltas);
	return is_done;
}

static bool is_stable(const struct profile *profile, uint32_t comment)
{
	static const char *const keys[] = {"program", "reason", "sample_interval", "interval_mode",
					   "samples_dropped"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (profile_comment_value(profile, comment, keys[i]))
			return true;
	return false;
}

static void keep_stable_comments(struct profile *profile)
{
	size_t n = 0;

	vec_foreach (comment, &profile->comments)
		if (is_stable(profile, *comment))
			profile->comments.items[n++] = *comment;
	profile->comments.n = n;
}

/* Replaces the sampled counts by estimates. The values of a sample are those that heap_builder.c
 * adds. Returns false if an estimate exceeds 64 bits. */
static bool estimate(struct profile *profile, int64_t interval)
{
	struct unsampler inuse = {0}, alloc = {0};

	for (size_t i = 0; i < profile->samples.n; i++) {
		int64_t *values = profile->values.items + i * profile->sample_types.n;

		if (unsample(&alloc, interval, &values[0], &values[1]) < 0 ||
		    unsample(&inuse, interval, &values[2], &values[3]) < 0)
			return false;
	}
	return true;
}

struct profile *reproducible_copy(struct profile *profile)
{
	_cleanup_(merge_freep) struct merge *merge = merge_new();
	struct profile *copy;
	struct diag diag = {0};
	int r;

	if (!merge || !move(profile))
		return NULL;
	profile->time_nanos = profile->duration_nanos = 0;
	keep_stable_comments(profile);
	r = merge_add(merge, profile, &diag);
	diag_deinit(&diag);
	copy = r ? NULL : merge_finish(merge);
	if (copy && profile->kept_interval && !estimate(copy, profile->kept_interval)) {
		profile_free(copy);
		return NULL;
	}
	return copy;
}
