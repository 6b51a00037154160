/* SPDX-License-Identifier: MIT */
#include "model/pool_labels.h"

#include <stdio.h>

void pool_slack_init(struct pool_slack *slack, const struct profile *profile)
{
	*slack = (struct pool_slack){0};
	vec_foreach (label, &profile->labels)
		if (label->text &&
		    strcmp(profile_string(profile, label->key), POOL_LABEL_MEMORY) == 0 &&
		    strcmp(profile_string(profile, label->text), POOL_MEMORY_SLACK) == 0) {
			*slack = (struct pool_slack){label->key, label->text};
			return;
		}
}

bool pool_slack_is(const struct pool_slack *slack, const struct profile *profile, size_t sample)
{
	size_t n;
	const struct profile_label *labels;

	if (!slack->slack)
		return false;
	labels = profile_label_set(profile, profile->samples.items[sample].labels, &n);
	for (size_t i = 0; i < n; i++)
		if (labels[i].key == slack->memory_key && labels[i].text == slack->slack)
			return true;
	return false;
}

int pool_malloc_sibling(const struct profile *profile, size_t value)
{
	char name[64];
	const char *type = profile_string(profile, profile->sample_types.items[value].type);
	int n = snprintf(name, sizeof(name), POOL_MALLOC_PREFIX "%s", type);

	return n > 0 && (size_t)n < sizeof(name) ? profile_find_sample_type(profile, name) : -1;
}
