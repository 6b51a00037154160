/* SPDX-License-Identifier: MIT */
#include "transform/interval_labels.h"

#include <errno.h>
#include <stdlib.h>

#include "model/sample_labels.h"

typedef VEC(struct profile_label) label_vec;

struct change {
	int64_t from, to;
	uint32_t key, unit; /* strings */
	label_vec labels;   /* of the set that is being changed */
};

static bool is_interval(const struct change *change, const struct profile_label *label)
{
	return label->key == change->key && label->unit == change->unit && !label->text;
}

/* Returns the number of a label set with the labels of `set`, and an interval label only where the
 * interval is not the default. */
static uint32_t change_set(struct profile *profile, struct change *change, uint32_t set)
{
	size_t n;
	const struct profile_label *labels = profile_label_set(profile, set, &n);
	struct profile_label own = {
		.key = change->key,
		.unit = change->unit,
		.number = change->from,
	};

	change->labels.n = 0;
	if (vec_reserve(&change->labels, n + 1) < 0) {
		profile_fail(profile, -ENOMEM);
		return set;
	}
	for (size_t i = 0; i < n; i++) {
		if (is_interval(change, &labels[i]))
			own.number = labels[i].number;
		else
			change->labels.items[change->labels.n++] = labels[i];
	}
	if (own.number && own.number != change->to)
		change->labels.items[change->labels.n++] = own;
	return profile_add_labels(profile, change->labels.items, change->labels.n);
}

/* Sets sets[i] to the changed label set of set i. */
static void change_sets(struct profile *profile, struct change *change, uint32_t *sets, size_t n)
{
	for (uint32_t i = 0; i < n && !profile_status(profile); i++)
		sets[i] = change_set(profile, change, i);
}

void interval_labels_set_default(struct profile *profile, int64_t from, int64_t to)
{
	uint32_t key = sample_labels_key(profile, SAMPLE_LABEL_INTERVAL, SAMPLE_LABEL_UNIT), *sets;
	struct change change = {.from = from, .to = to};
	size_t n = profile->label_sets.n;

	if (!key && (from == to || !from))
		return;
	change.key = profile_intern(profile, SAMPLE_LABEL_INTERVAL);
	change.unit = profile_intern(profile, SAMPLE_LABEL_UNIT);
	sets = calloc(n + 1, sizeof(*sets));
	if (!sets) {
		profile_fail(profile, -ENOMEM);
		return;
	}
	change_sets(profile, &change, sets, n);
	for (size_t i = 0; !profile_status(profile) && i < profile->samples.n; i++)
		profile->samples.items[i].labels = sets[profile->samples.items[i].labels];
	free(sets);
	vec_deinit(&change.labels);
}
