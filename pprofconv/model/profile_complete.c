/* SPDX-License-Identifier: MIT */
/* Stores of profiles reject a sample without a location and a location without a mapping, and in
 * reports such a sample is in no row. So both get what they lack, once, when a profile is read:
 * then a profile that is written and read back is the same. */
#include "model/profile.h"

#include <errno.h>

/* Returns the mapping for locations that have none: without a file, and of size 0, as pprof makes
 * it. PROFILE_NONE if there is none yet. */
static uint32_t find_nowhere(const struct profile *profile)
{
	for (uint32_t i = 0; i < profile->mappings.n; i++) {
		const struct profile_mapping *mapping = &profile->mappings.items[i];

		if (!mapping->start && !mapping->limit && !mapping->offset && !mapping->file &&
		    !mapping->build_id)
			return i;
	}
	return PROFILE_NONE;
}

/* Describes what is known of all locations in no mapping, so that tools don't look for names where
 * there are some already. */
static struct profile_mapping describe_nowhere(const struct profile *profile)
{
	struct profile_mapping mapping = {.has_functions = true};

	vec_foreach (location, &profile->locations) {
		const struct profile_line *lines = profile_lines(profile, location);

		if (location->mapping != PROFILE_NONE)
			continue;
		mapping.has_functions &= location->n_lines > 0;
		for (size_t i = 0; i < location->n_lines; i++) {
			mapping.has_line_numbers |= lines[i].line != 0;
			mapping.has_filenames |=
				lines[i].function != PROFILE_NONE &&
				profile->functions.items[lines[i].function].filename != 0;
		}
		mapping.has_inline_frames |= location->n_lines > 1;
	}
	return mapping;
}

static void give_mappings(struct profile *profile)
{
	uint32_t nowhere = PROFILE_NONE;
	struct profile_mapping mapping;

	vec_foreach (location, &profile->locations) {
		if (location->mapping != PROFILE_NONE)
			continue;
		if (nowhere == PROFILE_NONE)
			nowhere = find_nowhere(profile);
		if (nowhere == PROFILE_NONE) {
			mapping = describe_nowhere(profile);
			nowhere = profile_add_mapping(profile, &mapping);
		}
		location->mapping = nowhere;
	}
}

/* Adds a location whose function says that there is no stack. */
static uint32_t add_no_stack(struct profile *profile)
{
	uint32_t name = profile_intern(profile, PROFILE_NO_STACK);
	struct profile_function function = {.name = name, .system_name = name};
	struct profile_line line = {.function = profile_add_function(profile, &function)};
	struct profile_location location = {.mapping = PROFILE_NONE};

	return profile_add_location(profile, &location, &line, 1);
}

/* There is at most one stack without frames: equal ones are one. */
static void give_location(struct profile *profile)
{
	uint32_t location;

	vec_foreach (stack, &profile->stacks) {
		if (stack->n_frames || stack->first_sample == PROFILE_NONE)
			continue;
		location = add_no_stack(profile);
		if (!profile->status && vec_push(&profile->frames, location) < 0)
			profile_fail(profile, -ENOMEM);
		if (profile->status)
			return;
		stack->first_frame = (uint32_t)profile->frames.n - 1;
		stack->n_frames = 1;
	}
}

void profile_complete(struct profile *profile)
{
	if (!profile->status)
		give_location(profile);
	if (!profile->status)
		give_mappings(profile);
}
