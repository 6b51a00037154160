/* SPDX-License-Identifier: MIT */
/* Small heap profiles for tests. Their samples are of functions; nothing is read from files. */
#pragma once
#include <math.h>

#include "model/profile.h"
#include "test.h"

#define HEAP_INTERVAL 524288

static inline struct profile *heap_profile_new(const char *run, int64_t interval)
{
	static const char *const types[][2] = {
		{"alloc_objects", "count"},
		{"alloc_space", "bytes"},
		{"inuse_objects", "count"},
		{"inuse_space", "bytes"},
	};
	struct profile *profile = profile_new();
	char comment[64];

	for (size_t i = 0; profile && i < 4; i++)
		profile_add_sample_type(profile, types[i][0], types[i][1]);
	if (!profile)
		return NULL;
	snprintf(comment, sizeof(comment), "run: %s", run);
	profile_add_comment(profile, comment, strlen(comment));
	profile->default_sample_type = profile_intern(profile, "inuse_space");
	profile->period_type.type = profile_intern(profile, "space");
	profile->period_type.unit = profile_intern(profile, "bytes");
	profile->period = interval;
	return profile;
}

/* Returns for how many blocks a sample of `size` bytes counts. */
static inline double heap_profile_weight(const struct profile *profile, double size)
{
	return profile->period > 1 ? 1 / -expm1(-size / (double)profile->period) : 1;
}

/* Returns the estimate of the bytes that `n` samples of `size` bytes represent. */
static inline int64_t heap_profile_estimate(const struct profile *profile, double n, double size)
{
	return llround(n * size * heap_profile_weight(profile, size));
}

/* Returns the location of a function. It is in the profile's first mapping, if there is one. */
static inline uint32_t heap_profile_add_function(struct profile *profile, const char *name,
						 const char *file)
{
	struct profile_function function = {
		.name = profile_intern(profile, name),
		.filename = profile_intern(profile, file),
	};
	struct profile_line line = {.function = profile_add_function(profile, &function)};
	struct profile_location location = {
		.address = 0x1000 + 0x10 * (uint64_t)line.function,
		.mapping = profile->mappings.n ? 0 : PROFILE_NONE,
	};

	return profile_add_location(profile, &location, &line, 1);
}

/* Adds a sample of function `name`. Its values are the estimates from `inuse` and `allocated`
 * recorded blocks of `size` bytes. */
static inline void heap_profile_add(struct profile *profile, const char *name, const char *file,
				    double size, double inuse, double allocated)
{
	uint32_t location = heap_profile_add_function(profile, name, file);
	struct profile_label label = {
		.key = profile_intern(profile, "bytes"),
		.number = (int64_t)size,
	};
	struct profile_sample key = {
		.stack = profile_add_stack(profile, &location, 1),
		.labels = profile_add_labels(profile, &label, 1),
	};
	int64_t inuse_bytes = heap_profile_estimate(profile, inuse, size);
	int64_t alloc_bytes = heap_profile_estimate(profile, allocated, size);

	profile_add_sample(profile, key,
			   (int64_t[]){llround((double)alloc_bytes / size), alloc_bytes,
				       llround((double)inuse_bytes / size), inuse_bytes});
}
