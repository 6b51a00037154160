/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/gate.h"
#include "analysis/statistics.h"
#include "base/input.h"
#include "base/output.h"
#include "commands/commands.h"
#include "commands/compare.h"
#include "commands/empty.h"
#include "commands/files.h"
#include "commands/inputs.h"
#include "reports/format.h"
#include "reports/trend_report.h"

struct trend_settings {
	struct settings common;
	struct compare_settings compare;
	struct texts max_slope, tags;
};

/* The state of one run of the command. */
struct following {
	const struct trend_settings *settings;
	const struct trend_format *format;
	double confidence;
	enum frames_by by;
	struct suppressions suppressions;
	struct filter_rules rules;
	regex_t hide_regex;
	filter_tag_vec tags;
	struct display display;
	struct gate gate; /* its text is NULL if there is no gate */
	struct inputs inputs;
	struct dump_series series;
	VEC(bool) failures;
	char empty[WARNING_MAX + EMPTY_TEXT_MAX];
	char dropped[WARNING_MAX];
	const char *warnings[6]; /* ends with NULL */
};

static const struct trend_format *find_format(const char *name)
{
	for (const struct trend_format *format = trend_formats; format->name; format++)
		if (strcmp(format->name, name) == 0)
			return format;
	return NULL;
}

static int parse_gate(struct following *following)
{
	const struct texts *texts = &following->settings->max_slope;
	struct diag diag = {0};
	int r;

	if (!texts->n)
		return EXIT_DONE;
	if (texts->n > 1)
		return command_error("--max-slope: given more than once");
	r = gate_parse(&following->gate, texts->items[0], true /* per function */, &diag);
	diag_print(&diag, program_name(), true /* warnings */, stderr);
	diag_deinit(&diag);
	if (!r && following->gate.is_percent)
		return command_error("--max-slope: the limit cannot be in percent");
	return r ? EXIT_BAD : EXIT_DONE;
}

static int parse_options(struct following *following)
{
	const struct settings *common = &following->settings->common;
	const struct compare_settings *settings = &following->settings->compare;
	int status = compare_parse_by(settings->by, &following->by);

	following->format = find_format(settings->format);
	if (!following->format)
		return command_error(
			"--format: unknown format '%s'; expected text, markdown or json",
			settings->format);
	if (common->n_inputs < 1)
		return command_error("a trend needs three dumps or more");
	if (!status)
		status = compare_parse_confidence(settings, &following->confidence);
	if (!status)
		status = parse_gate(following);
	if (!status)
		status = compare_read_suppressions(common, &settings->suppressions,
						   &following->suppressions);
	following->rules.suppressions = &following->suppressions;
	if (!status)
		status = compare_parse_tags(&following->settings->tags, &following->tags);
	following->rules.tags = following->tags.n ? &following->tags : NULL;
	if (!status)
		status = compare_compile_hide(common, settings->hide, &following->hide_regex,
					      &following->rules.hide);
	if (!status)
		status = compare_find_display(common, settings->output, &following->display);
	return status;
}

/* Returns the sample type of the gate or, without a gate, the one that command_sample_type()
 * chooses. Returns NULL if there is none; an error was printed if --sample-type names it. */
static const char *choose_type(const struct following *following)
{
	const struct profile *profile = following->inputs.profiles.items[0];
	int value;

	if (following->gate.text)
		return following->gate.type;
	value = command_sample_type(&following->settings->common, profile);
	if (value < 0 || !profile->sample_types.n)
		return NULL;
	return profile_string(profile, profile->sample_types.items[value].type);
}

static int check_type(const struct following *following, const char *type)
{
	for (size_t i = 0; type && i < following->inputs.profiles.n; i++)
		if (profile_find_sample_type(following->inputs.profiles.items[i], type) < 0)
			return command_error("%s: no values of the type '%s'",
					     following->inputs.sources.items[i], type);
	return type ? EXIT_DONE : EXIT_BAD;
}

/* Finds the functions that fail the gate. Holm's procedure adjusts for the number of functions. */
static int find_failures(struct following *following, double *p, double *adjusted)
{
	const struct dump_series *series = &following->series;
	int r;

	for (size_t i = 0; i < series->rows.n; i++)
		p[i] = series->rows.items[i].p_limit;
	r = statistics_holm(p, series->rows.n, adjusted);
	for (size_t i = 0; !r && i < series->rows.n; i++)
		r = vec_push(&following->failures,
			     following->gate.text && adjusted[i] < 1 - following->confidence);
	return r;
}

static int judge_rows(struct following *following)
{
	size_t n = following->series.rows.n + 1;
	double *p = calloc(n, sizeof(*p)), *adjusted = calloc(n, sizeof(*adjusted));
	int r = p && adjusted ? find_failures(following, p, adjusted) : -ENOMEM;

	free(p);
	free(adjusted);
	return r;
}

static bool has_failed(const struct following *following)
{
	vec_foreach (failure, &following->failures)
		if (*failure)
			return true;
	return false;
}

static int print_failures(const struct trend_report *report)
{
	const struct dump_series *series = report->series;
	size_t n = 0;

	for (size_t i = 0; i < series->rows.n; i++) {
		char *text;

		if (!report->failures[i] || n++ >= FORMAT_FAILURES_MAX)
			continue;
		text = trend_describe_failure(report, &series->rows.items[i]);
		command_error("gate failed: %s", text ? text : strerror(ENOMEM));
		free(text);
	}
	if (n > FORMAT_FAILURES_MAX)
		command_error("gate failed: %zu more", n - FORMAT_FAILURES_MAX);
	return report->has_failed ? EXIT_GATE : EXIT_DONE;
}

static int write_report(const struct following *following, const struct trend_report *report)
{
	_cleanup_(output_freep) struct output *output = NULL;
	const char *path = following->settings->compare.output;
	struct diag diag = {0};
	int r = output_open(&output, path ? path : "-", &diag);

	if (!r) {
		following->format->write(report, output);
		r = output_commit(output, &diag);
	}
	diag_print(&diag, program_name(), !following->settings->common.quiet, stderr);
	diag_deinit(&diag);
	return r ? EXIT_BAD : EXIT_DONE;
}

static int report_trend(const struct following *following)
{
	struct trend_report report = {
		.series = &following->series,
		.n_top = (size_t)following->settings->compare.n_lines,
		.confidence = following->confidence,
		.failures = following->failures.items,
		.has_failed = has_failed(following),
		.gate = following->gate.text,
		.warnings = following->warnings,
		.by = following->settings->compare.by,
		.full_names = following->settings->common.full_names,
		.display = &following->display,
	};
	int status = write_report(following, &report);

	return status ? status : print_failures(&report);
}

static void add_warning(struct following *following, const char *text)
{
	size_t n = 0;

	while (following->warnings[n])
		n++;
	following->warnings[n] = text;
	if (!following->settings->common.quiet)
		command_error("%s", text);
}

static void check_empty(struct following *following)
{
	const struct inputs *inputs = &following->inputs;
	size_t n = inputs->profiles.n;
	struct empty_text text;
	size_t n_empty = empty_count(inputs, following->confidence, &text);

	if (!n_empty)
		return;
	snprintf(following->empty, sizeof(following->empty), "%zu of %zu dumps: %s", n_empty, n,
		 text.text);
	add_warning(following, following->empty);
}

/* Checks for dropped samples. A dump's count includes those of earlier dumps of its process, so the
 * counts are not added up: the largest is used. */
static int check_dropped(struct following *following)
{
	const struct compare_settings *settings = &following->settings->compare;
	int status = compare_check_dropped(settings, inputs_most_dropped(&following->inputs),
					   following->gate.text != NULL, following->dropped);

	if (*following->dropped)
		add_warning(following, following->dropped);
	return status;
}

static int add_values(struct strtab *values, const struct profile *profile, const char *key)
{
	int r = 0;

	vec_foreach (comment, &profile->comments) {
		const char *value = profile_comment_value(profile, *comment, key);
		uint32_t number;

		if (!r && value)
			r = strtab_intern(values, value, strlen(value), &number);
	}
	return r;
}

/* Sets *out to whether the dumps differ in their values of the metadata `key`. Dumps without this
 * key are left out. A merged dump has a value for each of its processes. Merged dumps that are all
 * of the same processes do not differ: they have a trend. */
static int differ(const struct following *following, const char *key, bool *out)
{
	struct strtab all = {0};
	size_t least = SIZE_MAX;
	int r = 0;

	vec_foreach (profile, &following->inputs.profiles) {
		struct strtab own = {0};

		if (!r)
			r = add_values(&own, *profile, key);
		if (!r)
			r = add_values(&all, *profile, key);
		if (strtab_count(&own) > 1 && strtab_count(&own) < least)
			least = strtab_count(&own);
		strtab_deinit(&own);
	}
	*out = least < strtab_count(&all);
	strtab_deinit(&all);
	return r;
}

/* Warns if the dumps are of different programs or processes. If one process holds more than another
 * did, that is not growth. */
static int check_process(struct following *following)
{
	bool is_program = false, is_run = false;
	int r = differ(following, "program", &is_program);

	if (!r)
		r = differ(following, "run", &is_run);
	if (r)
		return command_error("%s", strerror(-r));
	if (is_program)
		add_warning(
			following,
			"the dumps are of different programs; their differences are not a trend");
	else if (is_run)
		add_warning(following, "the dumps are of several processes; their differences are "
				       "not a trend of any of them");
	return EXIT_DONE;
}

static void check_exit(struct following *following)
{
	const struct dump_series *series = &following->series;
	bool is_any = dump_series_is_cut(series, &series->total);

	vec_foreach (row, &series->rows)
		is_any |= dump_series_is_cut(series, row);
	if (is_any && series->ends_at_exit)
		add_warning(following,
			    "functions gave back memory at exit: their trends end before it");
	else if (is_any)
		add_warning(following,
			    "functions gave back most of what they held in the last tenth of the "
			    "run: their trends end before it");
}

static int follow(struct following *following)
{
	const char *type;
	int status = EXIT_DONE, r;

	if (following->inputs.profiles.n < 3)
		return command_error("a trend needs three dumps or more");
	type = choose_type(following);
	status = check_type(following, type);
	if (!status)
		status = check_dropped(following);
	if (status)
		return status;
	check_empty(following);
	status = check_process(following);
	if (!status)
		status = inputs_set_common_interval(following->inputs.profiles.items,
						    following->inputs.profiles.n);
	if (!status && inputs_sort_by_time(&following->inputs))
		status = command_error("%s", strerror(ENOMEM));
	if (!status)
		status = inputs_prepare(&following->inputs, following->by, NULL, &following->rules);
	if (status)
		return status;
	r = dump_series_init(&following->series, type, following->inputs.items.items,
			     following->inputs.items.n, following->confidence,
			     following->gate.limit);
	if (!r)
		r = judge_rows(following);
	if (r)
		return command_error("%s", strerror(-r));
	check_exit(following);
	return report_trend(following);
}

static int run_trend(const struct settings *common)
{
	const struct trend_settings *settings = SETTINGS_OF(struct trend_settings, common);
	const struct texts *const read[] = {&settings->compare.suppressions, NULL};
	struct following following = {.settings = settings};
	int status = parse_options(&following);

	if (!status)
		status = files_check(common, read, settings->compare.output);
	if (!status)
		status = inputs_load_reports(&following.inputs, common, common->inputs,
					     (size_t)common->n_inputs);
	if (!status)
		status = follow(&following);
	vec_deinit(&following.failures);
	dump_series_deinit(&following.series);
	inputs_deinit(&following.inputs);
	suppressions_deinit(&following.suppressions);
	compare_free_tags(&following.tags);
	if (following.rules.hide)
		regfree(&following.hide_regex);
	return status;
}

static const struct option_row options[] = {
	OPTION_ROW_OUTPUT(struct trend_settings),
	{"format", 'F', OPTION_TEXT, offsetof(struct trend_settings, compare.format), "FORMAT",
	 "text, which is the default, markdown or json."},
	OPTION_ROW_SAMPLE_TYPE,
	{"top", 'l', OPTION_COUNT, offsetof(struct trend_settings, compare.n_lines), "N",
	 "Shows the first N functions; 0 shows all. The default is 30."},
	{"by", 0, OPTION_TEXT, offsetof(struct trend_settings, compare.by), "WHAT",
	 "What a row is: function, which is the default, file, line, mapping, pool, or "
	 "pool-function, a function in a pool. The gate judges rows."},
	OPTION_ROW_TAG(offsetof(struct trend_settings, tags)),
	OPTION_ROW_HIDE(offsetof(struct trend_settings, compare.hide)),
	OPTION_ROW_HIDE_STD,
	{"max-slope", 0, OPTION_TEXTS, offsetof(struct trend_settings, max_slope), "TYPE=LIMIT",
	 "A gate: exit status 1 if any function grows by more than LIMIT in an hour, such as "
	 "inuse_space=10M; from dump to dump, if the dumps don't say when they were written."},
	{"confidence", 0, OPTION_TEXT, offsetof(struct trend_settings, compare.confidence), "C",
	 "The confidence of a verdict, and for the gate, that any function passed the limit. The "
	 "default is 0.95."},
	OPTION_ROW_SUPPRESSIONS(struct trend_settings),
	{"allow-dropped", 0, OPTION_FLAG, offsetof(struct trend_settings, compare.allow_dropped),
	 NULL, "Lets the gate judge dumps that lost samples."},
	OPTION_ROW_FROM,
	OPTION_ROW_FULL_NAMES,
	OPTION_ROW_NTH,
	OPTION_ROW_COLOR,
	OPTION_ROWS_SYMBOLS,
	OPTION_ROW_MAX_INPUT,
	OPTION_ROW_STOP,
	OPTION_ROW_QUIET,
	OPTION_ROW_VERBOSE,
	OPTION_ROW_HELP,
	{0},
};

static const struct trend_settings defaults = {
	.common.max_input_bytes = INPUT_BYTES_LIMIT,
	.compare = COMPARE_DEFAULTS,
};

const struct command command_trend = {
	.name = "trend",
	.arguments = "INPUT...",
	.summary = "show what grows over a series of dumps of one process",
	.description =
		"The verdict on each function is: grows, grew and then stays, comes and goes, "
		"shrinks, steady, or not sure. Not sure means that its slope makes more than a "
		"twentieth of it, but may be chance; a note says what would help. Growth is real "
		"if it is steeper than the drift that chance gives a steady heap, whose blocks "
		"stay from one dump to the next. A slope is the median of the slopes between any "
		"two dumps. Memory that a program frees at its end is not part of a trend: a "
		"function that holds a tenth less in a dump at exit, and not by chance, is judged "
		"without that dump. Folded stacks don't say how many blocks there are; how much "
		"came and went is estimated from how they move. Inputs that say when they were "
		"written are put in that order; others keep their order. An input with several "
		"reports, such as a log of valgrind, "
		"is as many dumps. There must be three or more.",
	.options = options,
	.defaults = &defaults.common,
	.settings_size = sizeof(defaults),
	.run = run_trend,
};
