/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "analysis/estimate.h"
#include "base/input.h"
#include "base/utf8.h"
#include "commands/commands.h"
#include "commands/empty.h"
#include "commands/notes.h"
#include "model/merged_metadata.h"
#include "model/sample_labels.h"
#include "reports/format.h"

static void print_time(int64_t nanos)
{
	time_t seconds = nanos / 1000000000;
	char text[64];
	struct tm tm;

	if (!nanos || !gmtime_r(&seconds, &tm))
		return;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	printf("time: %s\n", text);
}

/* Prints a text of the profile between two texts of ours. Only the profile's text may have
 * unprintable bytes; utf8_print() replaces them. */
static void print_text(const char *before, const char *text, const char *after)
{
	fputs(before, stdout);
	utf8_print(text, stdout);
	fputs(after, stdout);
}

static void print_period(const struct profile *profile)
{
	if (!profile->period_type.type && !profile->period)
		return;
	printf("period: %" PRId64, profile->period);
	print_text(" ", profile_string(profile, profile->period_type.unit), "");
	print_text(" (", profile_string(profile, profile->period_type.type), ")\n");
}

/* Prints the range of the sample intervals, if samples have intervals of their own. Returns whether
 * it did. */
static bool print_intervals(const struct profile *profile)
{
	uint32_t key = sample_labels_key(profile, SAMPLE_LABEL_INTERVAL, SAMPLE_LABEL_UNIT);
	int64_t least = profile->period, most = profile->period;

	for (size_t i = 0; key && i < profile->samples.n; i++) {
		int64_t own = sample_labels_number(profile, i, key);

		least = own && own < least ? own : least;
		most = own > most ? own : most;
	}
	if (least == most)
		return false;
	printf("sample intervals: from %s to %s; samples have them as a label\n",
	       format_value((double)least, true /* bytes */).text,
	       format_value((double)most, true).text);
	return true;
}

/* Ends the line about an adaptive interval with the time at which it came to its value. */
static void print_since(const struct profile *profile)
{
	uint64_t ms = profile_metadata_number(profile, "interval_since_ms");

	if (profile_metadata(profile, "interval_since_ms"))
		printf(", since %.1f s after the start", (double)ms / 1000);
	printf("\n");
}

/* Prints how the sample interval came about, if it was not chosen but rose by itself. */
static void print_adaptive(const struct profile *profile)
{
	const char *mode = profile_metadata(profile, "interval_mode");
	int64_t interval = profile_bytes_period(profile);

	if (!mode || strcmp(mode, "auto") != 0 || !interval)
		return;
	if (interval == 1)
		printf("sample interval: adaptive; until now every allocation was recorded\n");
	else
		printf("sample interval: adaptive, now %s",
		       format_value((double)interval, true /* bytes */).text);
	if (interval > 1)
		print_since(profile);
}

/* Prints the sum of one sample type's values. Returns whether it fits into 64 bits. */
static bool print_total(const struct profile *profile, size_t value, int width, int64_t *out_sum)
{
	int64_t sum = 0;
	bool is_lost = false;

	for (size_t i = 0; i < profile->samples.n; i++)
		is_lost |= __builtin_add_overflow(sum, profile_values(profile, i)[value], &sum);
	*out_sum = sum;
	if (is_lost)
		printf("%*s", width, "more than 64 bits hold");
	else
		printf("%*" PRId64, width, sum);
	return !is_lost;
}

static void print_totals(const struct profile *profile)
{
	printf("total:\n");
	for (size_t i = 0; i < profile->sample_types.n; i++) {
		const struct profile_value_type *type = &profile->sample_types.items[i];

		const char *name = profile_string(profile, type->type);
		const char *unit = profile_string(profile, type->unit);
		int pad = (int)(strlen(name) < 16 ? 16 - strlen(name) : 0);
		int64_t sum;
		bool is_known;

		print_text("  ", name, "");
		is_known = print_total(profile, i, pad + 20, &sum);
		print_text(" ", unit, "");
		if (is_known && strcmp(unit, "bytes") == 0 && (sum >= 1024 || sum <= -1024))
			printf(" (%s)", format_value((double)sum, true /* bytes */).text);
		putchar('\n');
	}
}

static const char *or_dash(const char *text)
{
	return *text ? text : "-";
}

static void print_mappings(const struct profile *profile)
{
	if (profile->mappings.n)
		printf("mappings:\n");
	vec_foreach (mapping, &profile->mappings) {
		if (!mapping->limit && !mapping->file) /* its locations have no addresses */
			continue;
		printf("  %#" PRIx64 "-%#" PRIx64 " %#" PRIx64, mapping->start, mapping->limit,
		       mapping->offset);
		print_text(" ", or_dash(profile_string(profile, mapping->build_id)), " ");
		print_text("", or_dash(profile_string(profile, mapping->file)),
			   mapping->has_functions ? " (has names)\n" : "\n");
	}
}

static void print_comments(const struct profile *profile)
{
	if (profile->comments.n)
		printf("comments:\n");
	vec_foreach (comment, &profile->comments)
		print_text("  ", profile_string(profile, *comment), "\n");
}

/* --- the three parts ----------------------------------------------------------------------- */

static void print_metadata(const struct profile *profile, const char *before, const char *key,
			   const char *after)
{
	const char *value = profile_metadata(profile, key);

	if (value)
		print_text(before, value, after);
}

/* Prints what was profiled, when, and why the dump was written. */
static void print_subject(const struct profile *profile, const char *path)
{
	print_text("file: ", path, "\n");
	printf("format: %s%s%s\n", profile->format, profile->tool ? ", written by " : "",
	       profile->tool ? profile->tool : "");
	if (merged_metadata_runs(profile) == 1) { /* a sum has the metadata of many */
		print_metadata(profile, "program: ", "program", "\n");
		print_metadata(profile, "command line: ", "cmdline", "\n");
		print_metadata(profile, "process: ", "pid", "\n");
		print_metadata(profile, "dump: ", "dump", "");
		print_metadata(profile,
			       profile_metadata(profile, "dump") ? ", reason: " : "reason: ",
			       "reason", "");
		if (profile_metadata(profile, "dump") || profile_metadata(profile, "reason"))
			putchar('\n');
	}
	print_time(profile->time_nanos);
}

/* Prints how much the program holds, and how much memory the process has. */
static void print_amounts(const struct profile *profile)
{
	print_totals(profile);
	notes_print_memory(profile);
}

static void print_error(const struct profile *profile)
{
	int value = profile_find_sample_type(profile, "inuse_space");
	struct estimate sum = {0};
	struct sampling sampling;

	if (value < 0)
		return;
	sampling_init(&sampling, profile, (size_t)value);
	if (!sampling_is_sampled(&sampling))
		return;
	for (size_t i = 0; i < profile->samples.n; i++) {
		struct estimate estimate = sampling_estimate(&sampling, i);

		estimate_add(&sum, &estimate);
	}
	printf("error of inuse_space: %s more or less, with a confidence of 95 %%\n",
	       format_value(sampling_error(&sampling, &sum), true /* bytes */).text);
}

/* Prints how exact the numbers are, and how many of the places have names. */
static void print_quality(const struct profile *profile)
{
	print_period(profile);
	if (!print_intervals(profile))
		print_adaptive(profile);
	print_error(profile);
	printf("samples: %zu\nstacks: %zu\nlocations: %zu\nfunctions: %zu\n", profile->samples.n,
	       profile->stacks.n, profile->locations.n, profile->functions.n);
	notes_print_quality(profile);
	if (!profile->samples.n)
		printf("%s\n", empty_describe(profile, 0 /* no bound */).text);
}

static int print_info(const struct settings *settings, const char *path)
{
	_cleanup_(profile_freep) struct profile *profile = command_load(settings, path);

	if (!profile)
		return EXIT_BAD;
	print_subject(profile, path);
	putchar('\n');
	print_amounts(profile);
	putchar('\n');
	print_quality(profile);
	if (profile->mappings.n || profile->comments.n)
		putchar('\n');
	print_mappings(profile);
	print_comments(profile);
	return EXIT_DONE;
}

static int run_info(const struct settings *settings)
{
	int status = EXIT_DONE;

	if (!settings->n_inputs)
		return command_error("no input; see '" PROGRAM " info --help'");
	for (int i = 0; i < settings->n_inputs; i++) {
		if (i > 0)
			putchar('\n');
		if (print_info(settings, settings->inputs[i]))
			status = EXIT_BAD;
	}
	return status;
}

static const struct option_row options[] = {
	OPTION_ROW_FROM,  OPTION_ROW_NTH,     OPTION_ROW_MAX_INPUT, OPTION_ROW_STOP,
	OPTION_ROW_QUIET, OPTION_ROW_VERBOSE, OPTION_ROW_HELP,      {0},
};

static const struct settings defaults = {.max_input_bytes = INPUT_BYTES_LIMIT};

const struct command command_info = {
	.name = "info",
	.arguments = "INPUT...",
	.summary = "show the format, totals and mappings of a dump or profile",
	.description = "Three parts: what was profiled, when and why; how much it holds; and how "
		       "exact that is. Totals of a sampled dump are estimates. The mappings and "
		       "the comments of the profile follow.",
	.options = options,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.run = run_info,
};
