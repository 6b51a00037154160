/* SPDX-License-Identifier: MIT */
#include "commands/command_compare.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#define PARENTHESES_MAX 250

/* --- inputs -------------------------------------------------------------------------------- */

static int load_one(struct inputs *inputs, const struct settings *settings, const char *name)
{
	struct profile *profile = command_load(settings, name);

	if (!profile)
		return EXIT_BAD;
	if (vec_push(&inputs->profiles, profile) < 0) {
		profile_free(profile);
		return command_error("%s", strerror(ENOMEM));
	}
	return command_symbolize(settings, profile);
}

int inputs_load(struct inputs *inputs, const struct settings *settings, char *const *names,
		size_t n)
{
	int status = EXIT_DONE;

	*inputs = (struct inputs){.names = names};
	for (size_t i = 0; !status && i < n; i++)
		status = load_one(inputs, settings, names[i]);
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
	size_t place; /* as it was given */
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

int compare_check_dropped(const struct settings *settings, uint64_t n, bool has_gates, char *text)
{
	*text = '\0';
	if (n == 0)
		return EXIT_DONE;
	if (has_gates && !settings->allow_dropped)
		return command_error(
			"%" PRIu64
			" samples were dropped, so no gate can be trusted; --allow-dropped goes on",
			n);
	snprintf(text, WARNING_MAX, "%" PRIu64 " samples were dropped: values are too low", n);
	return EXIT_DONE;
}

/* --- options ------------------------------------------------------------------------------- */

int compare_parse_by(const struct settings *settings, enum frames_by *out_by)
{
	static const char *const names[] = {
		[FRAMES_BY_FUNCTION] = "function",
		[FRAMES_BY_FILE] = "file",
		[FRAMES_BY_LINE] = "line",
		[FRAMES_BY_MAPPING] = "mapping",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(settings->by, names[i]) == 0) {
			*out_by = (enum frames_by)i;
			return EXIT_DONE;
		}
	return command_error("--by: '%s' is none of function, file, line and mapping",
			     settings->by);
}

int compare_parse_confidence(const struct settings *settings, double *out_confidence)
{
	char *end;
	double confidence = strtod(settings->confidence, &end);

	if (end == settings->confidence || *end || !(confidence >= 0.5 && confidence < 1))
		return command_error("--confidence: '%s' is no number from 0.5 to below 1",
				     settings->confidence);
	*out_confidence = confidence;
	return EXIT_DONE;
}

int compare_read_suppressions(const struct settings *settings, struct suppressions *out)
{
	int r = 0;

	for (size_t i = 0; !r && i < settings->suppressions.n; i++) {
		_cleanup_(input_freep) struct input *input = NULL;
		struct diag diag = {0};

		r = input_open(&input, settings->suppressions.items[i], settings->max_input_bytes,
			       &diag);
		if (!r)
			r = suppressions_read(out, input, &diag);
		diag_print(&diag, PROGRAM, !settings->quiet, stderr);
		diag_deinit(&diag);
	}
	return r ? EXIT_BAD : EXIT_DONE;
}

/* The C library's regcomp() calls itself for each parenthesis, until there is no stack left. */
static bool is_too_deep(const char *pattern)
{
	size_t depth = 0;

	for (; *pattern && depth <= PARENTHESES_MAX; pattern++) {
		if (*pattern == '\\' && pattern[1])
			pattern++;
		else if (*pattern == '(')
			depth++;
		else if (*pattern == ')' && depth)
			depth--;
	}
	return depth > PARENTHESES_MAX;
}

int compare_compile(const char *option, const char *pattern, regex_t *regex,
		    const regex_t **out_regex)
{
	char text[256];
	int r;

	*out_regex = NULL;
	if (!pattern)
		return EXIT_DONE;
	if (is_too_deep(pattern))
		return command_error("--%s: parentheses are nested too deeply", option);
	r = regcomp(regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (r) {
		regerror(r, regex, text, sizeof(text));
		return command_error("--%s: '%s': %s", option, pattern, text);
	}
	*out_regex = regex;
	return EXIT_DONE;
}
