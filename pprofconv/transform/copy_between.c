/* SPDX-License-Identifier: MIT */
#include "transform/copy_between.h"

#include <errno.h>

#include "model/sample_labels.h"
#include "model/unsample.h"

static uint32_t find_key(const struct profile *profile, const char *name)
{
	uint32_t key = sample_labels_key(profile, name, SAMPLE_LABEL_UNIT);

	return key ? key : PROFILE_NONE;
}

int copy_between_init(struct copy_between *translation, const struct profile *from,
		      struct profile *to)
{
	int r;

	*translation = (struct copy_between){
		.from = from,
		.to = to,
		.level_key = find_key(from, SAMPLE_LABEL_LEVEL),
		.interval_key = find_key(from, SAMPLE_LABEL_INTERVAL),
	};
	r = vec_reserve(&translation->strings, strtab_count(&from->strings));
	for (size_t i = 0; !r && i < strtab_count(&from->strings); i++)
		r = vec_push(&translation->strings, PROFILE_NONE);
	return r;
}

void copy_between_deinit(struct copy_between *translation)
{
	vec_deinit(&translation->strings);
	vec_deinit(&translation->mappings);
	vec_deinit(&translation->functions);
	vec_deinit(&translation->locations);
	vec_deinit(&translation->frames);
	vec_deinit(&translation->lines);
	vec_deinit(&translation->labels);
	vec_deinit(&translation->values);
	vec_deinit(&translation->carries);
}

uint32_t copy_between_string(struct copy_between *t, uint32_t string)
{
	uint32_t *known = &t->strings.items[string];

	if (*known == PROFILE_NONE)
		*known = profile_intern_bytes(t->to, profile_string(t->from, string),
					      strtab_size(&t->from->strings, string));
	return *known;
}

static uint32_t translate_number(const uint32_t *numbers, uint32_t number)
{
	return number == PROFILE_NONE ? PROFILE_NONE : numbers[number];
}

uint32_t copy_between_function(struct copy_between *t, uint32_t number)
{
	struct profile_function function = t->from->functions.items[number];

	function.name = copy_between_string(t, function.name);
	function.system_name = copy_between_string(t, function.system_name);
	function.filename = copy_between_string(t, function.filename);
	function.unknown = 0;
	return profile_add_function(t->to, &function);
}

int copy_between_lines(struct copy_between *t, const struct profile_location *location)
{
	const struct profile_line *lines = profile_lines(t->from, location);
	int r = 0;

	t->lines.n = 0;
	for (size_t i = 0; !r && i < location->n_lines; i++) {
		struct profile_line line = lines[i];

		line.function = translate_number(t->functions.items, line.function);
		line.unknown = 0;
		r = vec_push(&t->lines, line);
	}
	return r;
}

static uint32_t translate_stack(struct copy_between *t, uint32_t stack)
{
	size_t n;
	const uint32_t *frames = profile_stack(t->from, stack, &n);

	t->frames.n = 0;
	if (vec_reserve(&t->frames, n) < 0) {
		profile_fail(t->to, -ENOMEM);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		t->frames.items[t->frames.n++] = t->locations.items[frames[i]];
	return profile_add_stack(t->to, t->frames.items, n);
}

static void add_label(struct copy_between *t, struct profile_label label)
{
	if (vec_push(&t->labels, label) < 0)
		profile_fail(t->to, -ENOMEM);
}

/* Adds the label of the change, if it has one. */
static void add_change_label(struct copy_between *t)
{
	if (!t->change || !t->change->label_key)
		return;
	add_label(t, (struct profile_label){
			     .key = profile_intern(t->to, t->change->label_key),
			     .text = profile_intern(t->to, t->change->label_text),
		     });
}

/* Adds a label with the interval of a sample, unless that is the default. */
static void add_interval_label(struct copy_between *t, int64_t interval)
{
	if (interval == t->sampling->to_default)
		return;
	add_label(t, (struct profile_label){
			     .key = profile_intern(t->to, SAMPLE_LABEL_INTERVAL),
			     .unit = profile_intern(t->to, SAMPLE_LABEL_UNIT),
			     .number = interval,
		     });
}

static void translate_label(struct copy_between *t, struct profile_label label)
{
	label.key = copy_between_string(t, label.key);
	label.text = copy_between_string(t, label.text);
	label.unit = copy_between_string(t, label.unit);
	label.unknown = 0;
	add_label(t, label);
}

static bool is_dropped(const struct copy_between *t, const struct profile_label *label)
{
	return t->change && t->change->dropped_label && !label->text &&
	       strcmp(profile_string(t->from, label->key), t->change->dropped_label) == 0;
}

static uint32_t translate_labels(struct copy_between *t, uint32_t labels)
{
	size_t n;
	const struct profile_label *from = profile_label_set(t->from, labels, &n);
	int64_t interval = t->sampling ? t->sampling->from_default : 0;

	t->labels.n = 0;
	for (size_t i = 0; i < n; i++) {
		bool is_number = t->sampling && !from[i].text;

		if (is_number && from[i].key == t->interval_key)
			interval = from[i].number;
		else if ((!is_number || from[i].key != t->level_key) && !is_dropped(t, &from[i]))
			translate_label(t, from[i]);
	}
	if (t->sampling)
		add_interval_label(t, interval);
	add_change_label(t);
	return profile_add_labels(t->to, t->labels.items, t->labels.n);
}

/* Makes room for the carries, which are 0 at first. */
static int make_carries(struct copy_between *t)
{
	size_t n = t->from->stacks.n * t->from->sample_types.n;
	int r = vec_reserve(&t->carries, n - t->carries.n);

	while (!r && t->carries.n < n)
		t->carries.items[t->carries.n++] = 0;
	return r;
}

/* Returns the values of a sample times the factor of the change. */
static const int64_t *change_values(struct copy_between *t, uint32_t sample)
{
	const int64_t *from = profile_values(t->from, sample);
	size_t n = t->from->sample_types.n;
	size_t first_carry = t->from->samples.items[sample].stack * n;

	if (!t->change || (!t->change->factors && t->change->factor == 1))
		return from;
	t->values.n = 0;
	if (vec_reserve(&t->values, n) < 0 || make_carries(t) < 0) {
		profile_fail(t->to, -ENOMEM);
		return from;
	}
	for (size_t i = 0; i < n; i++) {
		double factor = t->change->factors ? t->change->factors[i] : t->change->factor;

		t->values.items[i] = 0;
		if (unsample_round(&t->carries.items[first_carry + i], (double)from[i] * factor,
				   &t->values.items[i]) < 0)
			profile_fail(t->to, -EOVERFLOW);
	}
	return t->values.items;
}

void copy_between_sample(struct copy_between *t, uint32_t sample)
{
	const struct profile_sample *from = &t->from->samples.items[sample];
	struct profile_sample key;

	if (t->change && t->change->filter &&
	    filter_judge(t->change->filter, sample) != FILTER_KEPT)
		return;
	key = (struct profile_sample){
		.stack = translate_stack(t, from->stack),
		.labels = translate_labels(t, from->labels),
	};
	profile_add_sample(t->to, key, change_values(t, sample));
}

void copy_between_types(struct copy_between *t)
{
	vec_foreach (type, &t->from->sample_types)
		profile_add_sample_type(t->to, profile_string(t->from, type->type),
					profile_string(t->from, type->unit));
	t->to->period_type.type = copy_between_string(t, t->from->period_type.type);
	t->to->period_type.unit = copy_between_string(t, t->from->period_type.unit);
}
