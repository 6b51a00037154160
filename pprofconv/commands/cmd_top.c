/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "analysis/top.h"
#include "base/input.h"
#include "base/utf8.h"
#include "commands/commands.h"
#include "commands/compare.h"
#include "commands/empty.h"
#include "reports/format.h"

struct top_settings {
	struct settings common;
	uint64_t n_lines;
	bool by_cumulative;
	const char *hide;
};

/* Returns a percentage as pprof shows it: of the sum of absolute values, without a sign. */
static double percent(int64_t value, int64_t absolute)
{
	return absolute ? fabs(100 * (double)value / (double)absolute) : 0;
}

static void print_row(const struct frames *frames, const struct top *top, const struct top_row *row,
		      int64_t flat_sum, bool is_bytes)
{
	const char *file = top_file(frames, row);

	printf("%12s %6.2f%% %6.2f%% %12s %6.2f%%  ",
	       format_value((double)row->flat, is_bytes).text, percent(row->flat, top->absolute),
	       percent(flat_sum, top->absolute),
	       format_value((double)row->cumulative, is_bytes).text,
	       percent(row->cumulative, top->absolute));
	utf8_print(top_name(frames, row), stdout);
	fputs(*file ? "  " : "", stdout);
	utf8_print(file, stdout);
	putchar('\n');
}

static void print_rows(const struct top_settings *settings, const struct frames *frames,
		       const struct top *top, size_t value)
{
	const struct profile *profile = frames->profile;
	const struct profile_value_type *type = &profile->sample_types.items[value];
	const char *unit = profile_string(profile, type->unit);
	bool is_bytes = strcmp(unit, "bytes") == 0;
	int64_t flat_sum = 0;

	utf8_print(profile_string(profile, type->type), stdout);
	printf(": total %" PRId64 " ", top->total);
	utf8_print(unit, stdout);
	if (is_bytes)
		printf(" (%s)", format_value((double)top->total, true /* bytes */).text);
	if (top->absolute != top->total)
		printf("; percentages are of the sum of absolute values, %s",
		       format_value((double)top->absolute, is_bytes).text);
	printf("\n%12s %7s %7s %12s %7s  %s\n", "flat", "flat%", "sum%", "cum", "cum%", "function");
	for (size_t i = 0; i < top->rows.n && (!settings->n_lines || i < settings->n_lines); i++) {
		flat_sum += top->rows.items[i].flat;
		print_row(frames, top, &top->rows.items[i], flat_sum, is_bytes);
	}
	if (settings->n_lines && top->rows.n > settings->n_lines)
		printf("%12s (%zu more; --lines=0 shows all)\n", "...",
		       top->rows.n - (size_t)settings->n_lines);
}

/* Prints why a table would have no rows. This line is printed with --quiet too, because it is the
 * whole answer. */
static void print_why_empty(const struct profile *profile, size_t value)
{
	if (!profile->samples.n) {
		puts(empty_describe(profile, 0 /* no bound */).text);
		return;
	}
	printf("no sample has any ");
	utf8_print(profile_string(profile, profile->sample_types.items[value].type), stdout);
	puts("; --sample-type shows other values");
}

static int print_top(const struct top_settings *settings, const struct profile *profile)
{
	int value = command_sample_type(&settings->common, profile);
	struct frames frames = {0};
	struct top top = {0};
	const regex_t *hide;
	regex_t regex;
	int r;

	if (value < 0)
		return EXIT_BAD;
	if (!profile->sample_types.n)
		return command_error("the profile has no values");
	if (compare_compile("hide", settings->hide, &regex, &hide))
		return EXIT_BAD;
	r = frames_init_view(&frames, profile, &(struct frames_view){.hide = hide});
	if (!r)
		r = top_init(&top, &frames, (size_t)value, settings->by_cumulative);
	if (!r)
		print_rows(settings, &frames, &top, (size_t)value);
	if (!r && !top.rows.n)
		print_why_empty(profile, (size_t)value);
	top_deinit(&top);
	frames_deinit(&frames);
	if (hide)
		regfree(&regex);
	if (r == -EOVERFLOW)
		return command_error("%s: values add up to more than 64 bits hold",
				     settings->common.inputs[0]);
	return r ? command_error("%s", strerror(-r)) : EXIT_DONE;
}

/* Returns whether an input is a number and not a file: it is probably a process ID. */
static bool is_process_id(const char *input)
{
	return *input && !input[strspn(input, "0123456789")] && access(input, F_OK) != 0;
}

static int run_top(const struct settings *settings)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;

	if (settings->n_inputs != 1)
		return command_error("expected one input; see '" PROGRAM " top --help'");
	if (is_process_id(settings->inputs[0]))
		return command_error("no file '%s'; to watch that process, type 'heapprof top %s', "
				     "or give pid:%s",
				     settings->inputs[0], settings->inputs[0], settings->inputs[0]);
	profile = command_load(settings, settings->inputs[0]);
	if (!profile || command_symbolize(settings, 1, profile))
		return EXIT_BAD;
	return print_top(SETTINGS_OF(struct top_settings, settings), profile);
}

static const struct option_row options[] = {
	{"lines", 'l', OPTION_COUNT, offsetof(struct top_settings, n_lines), "N",
	 "Shows the first N functions; 0 shows all. The default is 30."},
	{"cum", 'c', OPTION_FLAG, offsetof(struct top_settings, by_cumulative), NULL,
	 "Sorts by what a function holds together with everything it called, instead of by "
	 "itself."},
	OPTION_ROW_HIDE(offsetof(struct top_settings, hide)),
	OPTION_ROW_SAMPLE_TYPE,
	OPTION_ROW_FROM,
	OPTION_ROW_FULL_NAMES,
	OPTION_ROW_NTH,
	OPTION_ROWS_SYMBOLS,
	OPTION_ROW_MAX_INPUT,
	OPTION_ROW_STOP,
	OPTION_ROW_QUIET,
	OPTION_ROW_VERBOSE,
	OPTION_ROW_HELP,
	{0},
};

static const struct top_settings defaults = {
	.common.max_input_bytes = INPUT_BYTES_LIMIT,
	.n_lines = 30,
};

const struct command command_top = {
	.name = "top",
	.arguments = "INPUT",
	.summary = "show the functions that hold the most",
	.description =
		"Flat is what a function allocated itself; cum includes everything it called. The "
		"allocators' own functions are left out, and their callers get what they hold. The "
		"rows farthest from 0 come first. Percentages are of the sum of all samples; if "
		"some are negative, of the sum of their absolute values. Samples without a stack "
		"are the row (no stack). If there is nothing to show, a line says why.",
	.options = options,
	.defaults = &defaults.common,
	.settings_size = sizeof(defaults),
	.run = run_top,
};
