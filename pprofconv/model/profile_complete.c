/* SPDX-License-Identifier: MIT */
/* Services that store profiles reject a sample without a location and a location without a mapping,
 * and in a report no row would count such a sample. So samples and locations get what they lack
 * when a profile is read. If the profile is then written and read again, nothing is added. */
#include "model/profile.h"

#include <errno.h>

/* Returns the mapping for locations without a mapping: it has no file and the size 0, like the one
 * that pprof makes. Returns PROFILE_NONE if there is no such mapping yet. */
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

/* Returns a mapping for the locations without a mapping. Its flags say what is known about these
 * locations, so that tools don't look for names that are already there. */
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

/* Adds a location whose function is PROFILE_NO_STACK. */
static uint32_t add_no_stack(struct profile *profile)
{
	uint32_t name = profile_intern(profile, PROFILE_NO_STACK);
	struct profile_function function = {.name = name, .system_name = name};
	struct profile_line line = {.function = profile_add_function(profile, &function)};
	struct profile_location location = {.mapping = PROFILE_NONE};

	return profile_add_location(profile, &location, &line, 1);
}

/* Gives the stack without frames a location, if a sample has this stack. There is at most one such
 * stack, because equal stacks are stored once. */
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
