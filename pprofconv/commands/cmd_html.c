/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "analysis/dump_series.h"
#include "base/input.h"
#include "base/output.h"
#include "commands/commands.h"
#include "commands/compare.h"
#include "commands/files.h"
#include "commands/html_inputs.h"
#include "reports/html/html_page.h"
#include "reports/html/html_small.h"

/* A browser draws no more nodes than this at once anyway, and nobody reads a table of more
 * functions. A page of as many has less than 2 MB, unless names are long. */
static const struct html_limits limits = {.nodes = 20000, .functions = 5000, .records = 40000};

#define SERIES_MIN 3 /* dumps that a trend needs */

struct html_settings {
	struct settings common;
	const char *output;
	const char *base;
	const char *hide;
	const char *confidence;
	bool all;
};

/* The state of one run of the command. */
struct making {
	const struct html_settings *settings;
	regex_t hide_regex;
	struct html_rules rules;
	double confidence;
	struct html_inputs inputs;
	struct dump_series series; /* with three dumps or more */
	struct html_model model;
};

static int fail(int r)
{
	return command_error("%s", strerror(-r));
}

/* --- arguments and inputs ------------------------------------------------------------------ */

static int parse_options(struct making *making)
{
	const struct html_settings *settings = making->settings;
	const struct compare_settings compare = {.confidence = settings->confidence};
	int status = compare_parse_confidence(&compare, &making->confidence);

	if (status)
		return status;
	return compare_compile_hide(&settings->common, settings->hide, &making->hide_regex,
				    &making->rules.hide);
}

static int check_arguments(const struct html_settings *settings)
{
	const struct texts base = {
		.items = (const char *[]){settings->base},
		.n = settings->base != NULL,
	};
	const struct texts *const read[] = {&base, NULL};

	if (settings->common.n_inputs < 1)
		return command_error("no input; see '" PROGRAM " html --help'");
	if (settings->base && settings->common.n_inputs > 1)
		return command_error("--base is for one input; leave it out to show a series");
	return files_check(&settings->common, read, settings->output);
}

/* --- making -------------------------------------------------------------------------------- */

static int make_model(struct making *making)
{
	int r;

	making->rules.fileless = &making->inputs.fileless;
	making->rules.matches_moved_files = !making->inputs.is_series;
	r = html_model_init(&making->model, making->inputs.dumps.items, making->inputs.dumps.n,
			    &making->rules);
	if (!r && !making->settings->all)
		r = html_small_merge(&making->model, &limits);
	if (r == -EOVERFLOW)
		return command_error("values add up to more than 64 bits hold");
	return r ? fail(r) : EXIT_DONE;
}

/* Judges how each function grows over the dumps. */
static int judge_series(struct making *making, const char *type)
{
	struct inputs *inputs = &making->inputs.sides.inputs[DIFF_NEW];
	const struct filter_rules rules = {.hide = making->rules.hide};
	int status, r;

	if (inputs->profiles.n < SERIES_MIN)
		return EXIT_DONE;
	status = inputs_prepare(inputs, FRAMES_BY_FUNCTION, NULL, &rules);
	if (status)
		return status;
	r = dump_series_init(&making->series, type, inputs->items.items, inputs->items.n,
			     making->confidence, 0 /* limit */);
	return r ? fail(r) : EXIT_DONE;
}

static int write_page(const struct making *making, const char *type)
{
	_cleanup_(output_freep) struct output *output = NULL;
	const struct html_settings *settings = making->settings;
	const char *path = settings->output ? settings->output : "-";
	struct diag diag = {0};
	int r;

	if (strcmp(path, "-") == 0 && isatty(STDOUT_FILENO))
		return command_error("a terminal cannot show a page; use -o FILE");
	r = output_open(&output, path, &diag);
	if (!r) {
		html_page_write(
			&(struct html_page){
				.model = &making->model,
				.names = making->inputs.names.items,
				.type = type,
				.series = making->series.n_dumps ? &making->series : NULL,
				.is_series = making->inputs.is_series,
				.confidence = making->confidence,
				.full_names = settings->common.full_names,
				.std_is_hidden = settings->common.hide_std,
				.warnings = making->inputs.sides.warnings.items,
				.n_warnings = making->inputs.sides.warnings.n,
			},
			output);
		r = output_commit(output, &diag);
	}
	diag_print(&diag, program_name(), !settings->common.quiet, stderr);
	if (!r && settings->common.verbose)
		command_error("%s: written", diag.file);
	diag_deinit(&diag);
	return r ? EXIT_BAD : EXIT_DONE;
}

static int make_page(struct making *making)
{
	const struct html_inputs *inputs = &making->inputs;
	const struct profile *last = inputs->dumps.items[inputs->dumps.n - 1];
	int value = command_sample_type(&making->settings->common, last), status;
	const char *type;

	if (value < 0)
		return EXIT_BAD;
	if (!last->sample_types.n)
		return command_error("%s: no values", inputs->names.items[inputs->names.n - 1]);
	type = profile_string(last, last->sample_types.items[value].type);
	status = diff_sides_check_type(&inputs->sides, type);
	if (!status)
		status = make_model(making);
	if (!status)
		status = judge_series(making, type);
	return status ? status : write_page(making, type);
}

static void making_deinit(struct making *making)
{
	html_model_deinit(&making->model);
	dump_series_deinit(&making->series);
	html_inputs_deinit(&making->inputs);
	if (making->rules.hide)
		regfree(&making->hide_regex);
}

static int run_html(const struct settings *common)
{
	struct making making = {.settings = SETTINGS_OF(struct html_settings, common)};
	int status = check_arguments(making.settings);

	if (!status)
		status = parse_options(&making);
	if (!status)
		status = html_inputs_load(&making.inputs, common,
					  making.settings->base ? &making.settings->base : NULL,
					  making.confidence);
	if (!status)
		status = make_page(&making);
	making_deinit(&making);
	return status;
}

static const struct option_row options[] = {
	{"output", 'o', OPTION_TEXT, offsetof(struct html_settings, output), "FILE",
	 "Where to write. The default is standard output."},
	{"base", 0, OPTION_TEXT, offsetof(struct html_settings, base), "FILE",
	 "Compares the input with this older profile, as diff does. Boxes are then as wide as what "
	 "grew or shrank, and say whether it is beyond the error of sampling."},
	{"all", 0, OPTION_FLAG, offsetof(struct html_settings, all), NULL,
	 "Keeps all stacks and functions. By default, if there are many, stacks too small to be "
	 "seen are merged, and small functions are counted together, which the page says. The sums "
	 "of all other functions stay exact."},
	OPTION_ROW_SAMPLE_TYPE,
	OPTION_ROW_HIDE(offsetof(struct html_settings, hide)),
	OPTION_ROW_HIDE_STD,
	{"confidence", 0, OPTION_TEXT, offsetof(struct html_settings, confidence), "C",
	 "The confidence of the intervals. The default is 0.95."},
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

static const struct html_settings defaults = {
	.common.max_input_bytes = INPUT_BYTES_LIMIT,
	.confidence = "0.95",
};

const struct command command_html = {
	.name = "html",
	.arguments = "INPUT...",
	.summary = "write a page with a flame graph and a table, for a browser",
	.description =
		"The page is one file that loads nothing else: it opens from disk, as an artifact "
		"of CI, or attached to a mail. It shows all sample types, each estimate with its "
		"interval, as a flame graph by function, line, file, library or label, and as a "
		"table. Several inputs are a series, such as the dumps of a run: the page then "
		"also "
		"shows its course over time, how each function grows, and since when. Text from a "
		"profile cannot become markup or script in it.",
	.options = options,
	.defaults = &defaults.common,
	.settings_size = sizeof(defaults),
	.run = run_html,
};
