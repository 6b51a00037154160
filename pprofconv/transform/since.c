/* SPDX-License-Identifier: MIT */
#include "transform/since.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "model/sample_labels.h"
#include "transform/merge.h"

bool since_is_cumulative(const char *type)
{
	static const char *const prefixes[] = {"alloc_", "malloc_alloc_"};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(type, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

/* --- the difference ------------------------------------------------------------------------ */

static int add_older(struct merge *merge, const struct profile *older, struct diag *diag)
{
	double factors[SAMPLE_TYPES_MAX];
	struct copy_between_change change = {.dropped_label = SAMPLE_LABEL_SIZE};

	for (size_t i = 0; i < older->sample_types.n; i++)
		factors[i] = since_is_cumulative(
				     profile_string(older, older->sample_types.items[i].type))
				     ? -1
				     : 0;
	change.factors = factors;
	return merge_add_changed(merge, older, &change, diag);
}

static int subtract(const struct profile *newer, const struct profile *older, struct profile **out,
		    struct diag *diag)
{
	_cleanup_(merge_freep) struct merge *merge = merge_new();
	const struct copy_between_change change = {
		.factor = 1,
		.dropped_label = SAMPLE_LABEL_SIZE,
	};
	int r = merge ? 0 : -ENOMEM;

	r = r ? r : merge_add_changed(merge, newer, &change, diag);
	r = r ? r : add_older(merge, older, diag);
	if (r)
		return r;
	*out = merge_finish(merge);
	return *out ? 0 : -ENOMEM;
}

/* Returns how many values were below 0. */
static int64_t raise_negative(struct profile *profile)
{
	int64_t n = 0;

	vec_foreach (value, &profile->values)
		if (*value < 0) {
			*value = 0;
			n++;
		}
	return n;
}

/* --- what is used -------------------------------------------------------------------------- */

struct used {
	VEC(bool) mappings, functions, locations;
};

static bool has_value(const struct profile *profile, size_t sample)
{
	for (size_t i = 0; i < profile->sample_types.n; i++)
		if (profile_values(profile, sample)[i])
			return true;
	return false;
}

#define FILL(vec, count)                                  \
	({                                                \
		int filled_ = vec_reserve(vec, count);    \
		while (!filled_ && (vec)->n < (count))    \
			(vec)->items[(vec)->n++] = false; \
		filled_;                                  \
	})

static void mark_location(struct used *used, const struct profile *profile, uint32_t number)
{
	const struct profile_location *location = &profile->locations.items[number];
	const struct profile_line *lines = profile_lines(profile, location);

	assert(number < used->locations.n);
	used->locations.items[number] = true;
	if (location->mapping != PROFILE_NONE) {
		assert(location->mapping < used->mappings.n);
		used->mappings.items[location->mapping] = true;
	}
	for (size_t i = 0; i < location->n_lines; i++) {
		if (lines[i].function == PROFILE_NONE)
			continue;
		assert(lines[i].function < used->functions.n);
		used->functions.items[lines[i].function] = true;
	}
}

static int mark(struct used *used, const struct profile *profile)
{
	int r = FILL(&used->mappings, profile->mappings.n);

	r = r ? r : FILL(&used->functions, profile->functions.n);
	r = r ? r : FILL(&used->locations, profile->locations.n);
	if (r)
		return r;
	if (used->mappings.n)
		used->mappings.items[0] = true; /* the program */
	for (size_t i = 0; i < profile->samples.n; i++) {
		size_t n;
		const uint32_t *stack = profile_stack(profile, profile->samples.items[i].stack, &n);

		for (size_t j = 0; has_value(profile, i) && j < n; j++)
			mark_location(used, profile, stack[j]);
	}
	return 0;
}

static uint32_t copy_mapping(struct copy_between *t, uint32_t number)
{
	struct profile_mapping mapping = t->from->mappings.items[number];

	mapping.file = copy_between_string(t, mapping.file);
	mapping.build_id = copy_between_string(t, mapping.build_id);
	mapping.unknown = 0;
	return profile_add_mapping(t->to, &mapping);
}

static int copy_location(struct copy_between *t, uint32_t number, uint32_t *out_number)
{
	struct profile_location location = t->from->locations.items[number];
	int r = copy_between_lines(t, &location);

	if (r)
		return r;
	if (location.mapping != PROFILE_NONE)
		location.mapping = t->mappings.items[location.mapping];
	location.unknown = 0;
	*out_number = profile_add_location(t->to, &location, t->lines.items, t->lines.n);
	return 0;
}

static int copy_parts(struct copy_between *t, const struct used *used)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < used->mappings.n; i++)
		r = vec_push(&t->mappings,
			     used->mappings.items[i] ? copy_mapping(t, i) : PROFILE_NONE);
	for (uint32_t i = 0; !r && i < used->functions.n; i++)
		r = vec_push(&t->functions,
			     used->functions.items[i] ? copy_between_function(t, i) : PROFILE_NONE);
	for (uint32_t i = 0; !r && i < used->locations.n; i++) {
		uint32_t number = PROFILE_NONE;

		if (used->locations.items[i])
			r = copy_location(t, i, &number);
		r = r ? r : vec_push(&t->locations, number);
	}
	return r ? r : profile_status(t->to);
}

static void copy_head(struct copy_between *t)
{
	copy_between_types(t);
	t->to->period = t->from->period;
	t->to->drop_frames = copy_between_string(t, t->from->drop_frames);
	t->to->keep_frames = copy_between_string(t, t->from->keep_frames);
	t->to->default_sample_type = copy_between_string(t, t->from->default_sample_type);
	t->to->doc_url = copy_between_string(t, t->from->doc_url);
}

/* Copies what is used of a profile; comments and times are left to the caller. */
static int copy_used(const struct profile *profile, struct profile *to)
{
	struct used used = {0};
	struct copy_between t;
	int r = copy_between_init(&t, profile, to);

	r = r ? r : mark(&used, profile);
	if (!r) {
		copy_head(&t);
		r = copy_parts(&t, &used);
	}
	for (uint32_t i = 0; !r && i < profile->samples.n; i++)
		if (has_value(profile, i))
			copy_between_sample(&t, i);
	copy_between_deinit(&t);
	vec_deinit(&used.mappings);
	vec_deinit(&used.functions);
	vec_deinit(&used.locations);
	return r ? r : profile_status(to);
}

/* --- the result ---------------------------------------------------------------------------- */

/* Copies the comments, except that of the run: by it, the result would be taken for a dump of the
 * run, which counts from its start on. */
static void copy_comments(const struct profile *from, struct profile *to)
{
	vec_foreach (comment, &from->comments)
		if (!profile_comment_value(from, *comment, "run"))
			profile_add_comment(to, profile_string(from, *comment),
					    strtab_size(&from->strings, *comment));
}

int since_make(const struct profile *newer, const struct profile *older, struct since *out,
	       struct diag *diag)
{
	_cleanup_(profile_freep) struct profile *difference = NULL;
	_cleanup_(profile_freep) struct profile *result = profile_new();
	int64_t n_negative;
	int r = result ? subtract(newer, older, &difference, diag) : -ENOMEM;

	if (r)
		return r;
	n_negative = raise_negative(difference);
	r = copy_used(difference, result);
	if (r)
		return r;
	copy_comments(newer, result);
	result->time_nanos = newer->time_nanos;
	if (__builtin_sub_overflow(newer->time_nanos, older->time_nanos, &result->duration_nanos))
		return -EOVERFLOW;
	r = profile_status(result);
	if (r)
		return r;
	*out = (struct since){result, n_negative};
	result = NULL;
	return 0;
}
