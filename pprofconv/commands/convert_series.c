/* SPDX-License-Identifier: MIT */
#include "commands/convert_series.h"

#include <errno.h>
#include <string.h>

#include "commands/empty.h"
#include "commands/files.h"

struct series {
	const struct settings *settings;
	struct profile *last; /* ours */
	VEC(struct writer_moment) moments;
};

static int64_t total_of(const struct profile *profile, size_t value)
{
	int64_t total = 0;

	for (size_t i = 0; i < profile->samples.n; i++) {
		int64_t held = profile_values(profile, i)[value];

		if (__builtin_add_overflow(total, held, &total))
			total = held > 0 ? INT64_MAX : INT64_MIN;
	}
	return total;
}

/* Fails if a profile is not later than the one before it. */
static int check_time(const struct series *series, const struct profile *profile, const char *name)
{
	const struct writer_moment *before =
		series->moments.n ? &series->moments.items[series->moments.n - 1] : NULL;

	if (!profile->time_nanos)
		return command_error("%s: the input has no time, so it can't be part of a series",
				     name);
	if (before && profile->time_nanos <= before->time_nanos)
		return command_error("%s: not later than the input before it; give a series in the "
				     "order of time",
				     name);
	return EXIT_DONE;
}

static const char *type_of(const struct profile *profile, size_t value)
{
	return profile_string(profile, profile->sample_types.items[value].type);
}

/* Fails if a profile counts something else than the one before it. */
static int check_type(const struct series *series, const struct profile *profile, size_t value,
		      const char *name)
{
	int before = series->last ? command_sample_type(series->settings, series->last) : -1;

	if (!profile->sample_types.n)
		return command_error("%s: the input has no sample type", name);
	if (before >= 0 &&
	    strcmp(type_of(profile, value), type_of(series->last, (size_t)before)) != 0)
		return command_error("%s: shows %s, but the input before it shows %s; choose a "
				     "type that all have by --sample-type",
				     name, type_of(profile, value),
				     type_of(series->last, (size_t)before));
	return EXIT_DONE;
}

static int add_input(struct series *series, const char *name)
{
	struct profile *profile = command_load(series->settings, name);
	int value = profile ? command_sample_type(series->settings, profile) : -1;
	int status = value < 0 ? EXIT_BAD : check_type(series, profile, (size_t)value, name);

	profile_free(series->last);
	series->last = profile;
	if (status || check_time(series, profile, name))
		return EXIT_BAD;
	if (vec_push(&series->moments, (struct writer_moment){profile->time_nanos,
							      total_of(profile, (size_t)value)}) <
	    0)
		return command_error("%s", strerror(ENOMEM));
	return EXIT_DONE;
}

static int load_all(struct series *series)
{
	int status = EXIT_DONE;

	for (int i = 0; !status && i < series->settings->n_inputs; i++)
		status = add_input(series, series->settings->inputs[i]);
	return status;
}

static int save(struct series *series, const struct writer *writer, const char *path)
{
	const struct settings *settings = series->settings;

	if (command_symbolize(settings, 1, series->last))
		return EXIT_BAD;
	empty_warn(settings, series->last, settings->inputs[settings->n_inputs - 1]);
	return command_save_series(settings, series->last, series->moments.items, series->moments.n,
				   writer, path);
}

int convert_series(const struct settings *settings, const struct writer *writer, const char *path)
{
	struct series series = {.settings = settings};
	int status;

	if (settings->is_reproducible)
		return command_error("--reproducible leaves out times, so it can't make a series; "
				     "name a folder by -o");
	status = files_check(settings, NULL, path);
	if (!status)
		status = files_check_inputs(settings);
	if (!status)
		status = load_all(&series);
	if (!status)
		status = save(&series, writer, path);
	profile_free(series.last);
	vec_deinit(&series.moments);
	return status;
}
