/* SPDX-License-Identifier: MIT */
#include "transform/filter.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	IN_FOCUS = 1,
	IS_IGNORED = 2,
	IS_SUPPRESSED = 4,
};

typedef VEC(uint8_t) mark_vec;

static bool is_found(const regex_t *regex, const char *text)
{
	return regex && regexec(regex, text, 0, NULL, 0) == 0;
}

static uint8_t marks_of_text(const struct filter_rules *rules, const char *text)
{
	uint8_t marks = 0;

	if (is_found(rules->focus, text))
		marks |= IN_FOCUS;
	if (is_found(rules->ignore, text))
		marks |= IS_IGNORED;
	if (rules->suppressions && suppressions_match(rules->suppressions, text))
		marks |= IS_SUPPRESSED;
	return marks;
}

/* Appends the rules that match each function. Each name is matched only once, even if many
 * locations have it. */
static int mark_functions(const struct filter *filter, mark_vec *out)
{
	const struct profile *profile = filter->profile;
	int r = 0;

	vec_foreach (function, &profile->functions) {
		const char *name = profile_string(profile, function->name);
		const char *file = profile_string(profile, function->filename);

		r = vec_push(out, marks_of_text(filter->rules, name) |
					  marks_of_text(filter->rules, file));
		if (r)
			break;
	}
	return r;
}

static int mark_mappings(const struct filter *filter, mark_vec *out)
{
	const struct profile *profile = filter->profile;
	int r = 0;

	for (size_t i = 0; !r && i < profile->mappings.n; i++)
		r = vec_push(out, marks_of_text(filter->rules,
						profile_string(profile,
							       profile->mappings.items[i].file)));
	return r;
}

static uint8_t marks_of_location(const struct profile *profile,
				 const struct profile_location *location, const mark_vec *functions,
				 const mark_vec *mappings)
{
	const struct profile_line *lines = profile_lines(profile, location);
	uint8_t marks = 0;

	if (location->mapping != PROFILE_NONE) {
		assert(location->mapping < mappings->n);
		marks |= mappings->items[location->mapping];
	}
	for (size_t i = 0; i < location->n_lines; i++)
		if (lines[i].function != PROFILE_NONE)
			marks |= functions->items[lines[i].function];
	return marks;
}

/* --- tags ---------------------------------------------------------------------------------- */

static bool label_matches(const struct profile *profile, const struct profile_label *label,
			  const struct filter_tag *tag)
{
	char number[24];

	if (strcmp(profile_string(profile, label->key), tag->key) != 0)
		return false;
	if (label->text)
		return is_found(&tag->regex, profile_string(profile, label->text));
	snprintf(number, sizeof(number), "%" PRId64, label->number);
	return is_found(&tag->regex, number);
}

static bool set_matches(const struct profile *profile, uint32_t set, const struct filter_tag *tag)
{
	size_t n;
	const struct profile_label *labels = profile_label_set(profile, set, &n);

	for (size_t i = 0; i < n; i++)
		if (label_matches(profile, &labels[i], tag))
			return true;
	return false;
}

static int judge_label_sets(struct filter *filter)
{
	const filter_tag_vec *tags = filter->rules->tags;
	int r = 0;

	for (uint32_t i = 0; tags && !r && i < filter->profile->label_sets.n; i++) {
		bool matches = true;

		vec_foreach (tag, tags)
			matches = matches && set_matches(filter->profile, i, tag);
		r = vec_push(&filter->label_sets, matches);
	}
	return r;
}

/* --- filters ------------------------------------------------------------------------------- */

int filter_init(struct filter *filter, const struct filter_rules *rules,
		const struct profile *profile)
{
	mark_vec functions = {0}, mappings = {0};
	int r;

	*filter = (struct filter){.rules = rules, .profile = profile};
	r = mark_functions(filter, &functions);
	if (!r)
		r = mark_mappings(filter, &mappings);
	for (size_t i = 0; !r && i < profile->locations.n; i++)
		r = vec_push(&filter->locations,
			     marks_of_location(profile, &profile->locations.items[i], &functions,
					       &mappings));
	vec_deinit(&functions);
	vec_deinit(&mappings);
	return r ? r : judge_label_sets(filter);
}

void filter_deinit(struct filter *filter)
{
	vec_deinit(&filter->locations);
	vec_deinit(&filter->label_sets);
}

enum filter_verdict filter_judge(const struct filter *filter, uint32_t sample)
{
	const struct profile_sample *s;
	const uint32_t *locations;
	uint8_t marks = 0;
	size_t n;

	if (!filter->rules)
		return FILTER_KEPT;
	s = &filter->profile->samples.items[sample];
	if (filter->rules->tags && !filter->label_sets.items[s->labels])
		return FILTER_LEFT_OUT;
	locations = profile_stack(filter->profile, s->stack, &n);
	for (size_t i = 0; i < n; i++)
		marks |= filter->locations.items[locations[i]];
	if (marks & IS_SUPPRESSED)
		return FILTER_SUPPRESSED;
	if ((marks & IS_IGNORED) || (filter->rules->focus && !(marks & IN_FOCUS)))
		return FILTER_LEFT_OUT;
	return FILTER_KEPT;
}
