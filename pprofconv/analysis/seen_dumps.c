/* SPDX-License-Identifier: MIT */
#include "analysis/seen_dumps.h"

#include <errno.h>
#include <stdio.h>

#include "analysis/shared_samples.h"
#include "model/merged_metadata.h"

/* Sets *out_first to the first input with this key, or to NULL if it is this one. */
static int find_first(struct seen_dumps *seen, const char *key, const char *input,
		      const char **out_first)
{
	size_t n_before = strtab_count(&seen->keys);
	uint32_t id;
	int r = strtab_intern(&seen->keys, key, strlen(key), &id);

	*out_first = NULL;
	while (!r && seen->inputs.n < strtab_count(&seen->keys))
		r = vec_push(&seen->inputs, input);
	if (!r && id && id < n_before)
		*out_first = seen->inputs.items[id];
	return r;
}

/* Looks for the dump itself. Only a dump with a number can be told from others of its run. */
static int find_dump(struct seen_dumps *seen, const struct profile *profile, const char *input,
		     const char **out_first)
{
	const char *run = shared_samples_run(profile);
	const char *number = profile_metadata(profile, "dump");
	char *key;
	int r;

	*out_first = NULL;
	if (!run || !*run || !number)
		return 0;
	if (asprintf(&key, "%s %s %jd", run, number, (intmax_t)profile->time_nanos) < 0)
		return -ENOMEM;
	r = find_first(seen, key, input, out_first);
	free(key);
	return r;
}

static int find_runs(struct seen_dumps *seen, const struct profile *profile, const char *input,
		     const char **out_first)
{
	int r = 0;

	*out_first = NULL;
	for (size_t i = 0; !r && i < profile->comments.n; i++) {
		const char *run = profile_comment_value(profile, profile->comments.items[i], "run");
		const char *first;

		if (!run || merged_metadata_is_folded(run))
			continue;
		r = find_first(seen, run, input, &first);
		*out_first = *out_first ? *out_first : first;
	}
	return r;
}

int seen_dumps_add(struct seen_dumps *seen, const struct profile *profile, const char *input,
		   struct seen_dumps_before *out)
{
	int r = find_dump(seen, profile, input, &out->same_dump);

	out->same_run = NULL;
	if (!r && !out->same_dump)
		r = find_runs(seen, profile, input, &out->same_run);
	return r;
}

void seen_dumps_deinit(struct seen_dumps *seen)
{
	strtab_deinit(&seen->keys);
	vec_deinit(&seen->inputs);
}
