/* SPDX-License-Identifier: MIT */
#include "analysis/pairing.h"

#include <string.h>

#include "analysis/shared_samples.h"
#include "model/merged_metadata.h"

bool pairing_is_reversed(const struct profile *base, const struct profile *new)
{
	uint64_t first = profile_metadata_number(base, "dump"); /* counted from 1 */
	uint64_t second = profile_metadata_number(new, "dump");
	int64_t first_time = base->time_nanos, second_time = new->time_nanos;

	if (!shared_samples_is_one_run(base, new))
		return false;
	if (first && second)
		return second < first;
	return first_time && second_time && second_time < first_time;
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

const char *pairing_program(const struct profile *profile)
{
	const char *program = NULL;

	vec_foreach (comment, &profile->comments) {
		const char *path = profile_comment_value(profile, *comment, "program");

		if (!path)
			continue;
		path = last_component(path);
		if (merged_metadata_is_folded(path))
			return NULL;
		if (program && strcmp(program, path) != 0)
			return NULL;
		program = path;
	}
	return program;
}
