/* SPDX-License-Identifier: MIT */
#include "model/sample_labels.h"

#include <string.h>

uint32_t sample_labels_key(const struct profile *profile, const char *name, const char *unit)
{
	vec_foreach (label, &profile->labels)
		if (!label->text && strcmp(profile_string(profile, label->key), name) == 0 &&
		    (!unit || strcmp(profile_string(profile, label->unit), unit) == 0))
			return label->key;
	return 0;
}

int64_t sample_labels_number(const struct profile *profile, size_t sample, uint32_t key)
{
	size_t n;
	const struct profile_label *labels =
		profile_label_set(profile, profile->samples.items[sample].labels, &n);

	for (size_t i = 0; key && i < n; i++)
		if (labels[i].key == key && !labels[i].text && labels[i].number > 0)
			return labels[i].number;
	return 0;
}
