/* SPDX-License-Identifier: MIT */
#include "commands/inputs.h"

#include <errno.h>
#include <stdlib.h>

#include "analysis/common_interval.h"

static int load_one(struct inputs *inputs, const struct settings *settings, size_t n_profiles,
		    const char *name)
{
	struct profile *profile = command_load(settings, name);

	if (!profile)
		return EXIT_BAD;
	if (vec_push(&inputs->profiles, profile) < 0) {
		profile_free(profile);
		return command_error("%s", strerror(ENOMEM));
	}
	if (vec_push(&inputs->sources, name) < 0)
		return command_error("%s", strerror(ENOMEM));
	return command_symbolize(settings, n_profiles, profile);
}

int inputs_load(struct inputs *inputs, const struct settings *settings, size_t n_profiles,
		char *const *names, size_t n)
{
	int status = EXIT_DONE;

	*inputs = (struct inputs){.names = names};
	for (size_t i = 0; !status && i < n; i++)
		status = load_one(inputs, settings, n_profiles, names[i]);
	return status;
}

/* Loads each report of an input. Its first reading shows how many there are. */
static int load_reports(struct inputs *inputs, const struct settings *settings, size_t n_inputs,
			const char *name)
{
	bool is_stdin = strcmp(name, "-") == 0;
	struct settings one = *settings;
	uint64_t n;
	int status;

	one.nth = settings->nth || is_stdin ? settings->nth : 1;
	status = load_one(inputs, &one, n_inputs, name);
	if (status)
		return status;
	n = inputs->profiles.items[inputs->profiles.n - 1]->n_reports;
	if (settings->nth || n < 2)
		return EXIT_DONE;
	if (is_stdin)
		return command_error("standard input has several reports; a trend reads such an "
				     "input several times, so give it as a file");
	while (!status && one.nth++ < n)
		status = load_one(inputs, &one, n_inputs * n, name);
	return status;
}

int inputs_load_reports(struct inputs *inputs, const struct settings *settings, char *const *names,
			size_t n)
{
	int status = EXIT_DONE;

	*inputs = (struct inputs){.names = names};
	for (size_t i = 0; !status && i < n; i++)
		status = load_reports(inputs, settings, n, names[i]);
	return status;
}

bool inputs_is_unsaid(const struct profile *profile)
{
	const struct profile_value_type *type = profile->sample_types.items;

	return profile->sample_types.n == 1 && !profile->period_type.type &&
	       strcmp(profile_string(profile, type->type), "samples") == 0;
}

int inputs_name_values(struct inputs *inputs, const char *type, const char *unit)
{
	int r = 0;

	vec_foreach (at, &inputs->profiles) {
		struct profile *profile = *at;
		struct profile_value_type named = {profile_intern(profile, type),
						   profile_intern(profile, unit)};

		r = r ? r : profile_status(profile);
		if (!r && inputs_is_unsaid(profile))
			profile->sample_types.items[0] = named;
	}
	return r;
}

int inputs_set_common_interval(struct profile *const *profiles, size_t n)
{
	int r = common_interval_set(profiles, n);

	if (r == -EOVERFLOW)
		return command_error("values add up to more than 64 bits hold");
	return r ? command_error("%s", strerror(-r)) : EXIT_DONE;
}

int inputs_find_fileless(const struct inputs *inputs, struct strtab *out)
{
	int r = 0;

	for (size_t i = 0; !r && i < inputs->profiles.n; i++)
		r = frames_find_fileless(inputs->profiles.items[i], out);
	return r ? command_error("%s", strerror(-r)) : EXIT_DONE;
}

int inputs_prepare(struct inputs *inputs, enum frames_by by, const struct strtab *fileless,
		   const struct filter_rules *rules)
{
	int r = vec_reserve(&inputs->items, inputs->profiles.n);

	for (size_t i = 0; !r && i < inputs->profiles.n; i++) {
		struct diff_input *item = &inputs->items.items[inputs->items.n++];

		r = diff_input_init(item, inputs->profiles.items[i], by, fileless, rules);
	}
	return r ? command_error("%s", strerror(-r)) : EXIT_DONE;
}

struct dated {
	struct profile *profile;
	size_t place; /* the profile's index in the order of the arguments */
};

static int compare_dates(const void *left, const void *right)
{
	const struct dated *a = left, *b = right;

	if (a->profile->time_nanos != b->profile->time_nanos)
		return a->profile->time_nanos < b->profile->time_nanos ? -1 : 1;
	return a->place < b->place ? -1 : a->place > b->place;
}

int inputs_sort_by_time(struct inputs *inputs)
{
	size_t n = inputs->profiles.n;
	struct dated *dated;

	vec_foreach (profile, &inputs->profiles)
		if (!(*profile)->time_nanos)
			return 0;
	dated = calloc(n + 1, sizeof(*dated));
	if (!dated)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		dated[i] = (struct dated){inputs->profiles.items[i], i};
	qsort(dated, n, sizeof(*dated), compare_dates);
	for (size_t i = 0; i < n; i++)
		inputs->profiles.items[i] = dated[i].profile;
	free(dated);
	return 0;
}

void inputs_release(struct inputs *inputs)
{
	vec_foreach (item, &inputs->items)
		diff_input_deinit(item);
	vec_deinit(&inputs->items);
}

void inputs_deinit(struct inputs *inputs)
{
	inputs_release(inputs);
	vec_foreach (profile, &inputs->profiles)
		profile_free(*profile);
	vec_deinit(&inputs->profiles);
	vec_deinit(&inputs->sources);
	free(inputs->own_names);
}

static uint64_t count_dropped(const struct profile *profile)
{
	uint64_t n = 0;

	vec_foreach (comment, &profile->comments) {
		const char *value = profile_comment_value(profile, *comment, "samples_dropped");

		if (value)
			n += strtoull(value, NULL, 10);
	}
	return n;
}

uint64_t inputs_count_dropped(const struct inputs *inputs)
{
	uint64_t n = 0;

	vec_foreach (profile, &inputs->profiles)
		n += count_dropped(*profile);
	return n;
}

uint64_t inputs_most_dropped(const struct inputs *inputs)
{
	uint64_t most = 0;

	vec_foreach (profile, &inputs->profiles) {
		uint64_t n = count_dropped(*profile);

		most = n > most ? n : most;
	}
	return most;
}
