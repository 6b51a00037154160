/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/input.h"
#include "commands/commands.h"
#include "commands/compare.h"
#include "commands/diff_sides.h"
#include "commands/files.h"
#include "reports/report.h"

struct diff_settings {
	struct settings common;
	struct compare_settings compare;
	struct texts bases;
	struct texts tags;
	const char *base_files_from;
	const char *files_from;
	const char *paired_by;
	const char *focus;
	const char *ignore;
	struct texts max_growth;
	struct texts max_growth_per_function;
	bool is_strict;
	bool allow_missing_base;
	bool allow_empty;
};

/* The state of one run of the command. */
struct comparison {
	const struct diff_settings *settings;
	const struct report_format *format;
	struct gate_options gate_options;
	enum frames_by by;
	const char *type;
	struct suppressions suppressions;
	regex_t focus_regex, ignore_regex, hide_regex;
	filter_tag_vec tags;
	struct filter_rules rules;
	struct input_list lists[2]; /* of DIFF_BASE and DIFF_NEW */
	struct diff_sides sides;
	struct strtab fileless; /* functions whose file is unknown in an input */
	VEC(struct gate) gates;
	VEC(struct gate_result) results;
	/* For each gate: the diff that it judges, of its sample type, by function or pool, and
	 * without --focus and --ignore. */
	VEC(struct diff) judged;
	struct diff diff;
	struct report report;
	struct display display;
};

/* --- arguments ----------------------------------------------------------------------------- */

/* Returns what gates judge each of. */
static enum frames_by judged_by(const struct comparison *comparison)
{
	bool is_of_pools =
		comparison->by == FRAMES_BY_POOL || comparison->by == FRAMES_BY_POOL_FUNCTION;

	return is_of_pools ? comparison->by : FRAMES_BY_FUNCTION;
}

static int parse_gates(struct comparison *comparison, const struct texts *texts, bool per_function)
{
	struct diag diag = {0};
	struct gate gate;
	int r = 0;

	for (size_t i = 0; !r && i < texts->n; i++) {
		r = gate_parse(&gate, texts->items[i], per_function, &diag);
		if (judged_by(comparison) != FRAMES_BY_FUNCTION)
			gate.each = comparison->settings->compare.by;
		if (!r)
			r = vec_push(&comparison->gates, gate);
	}
	diag_print(&diag, program_name(), true /* warnings */, stderr);
	diag_deinit(&diag);
	return r ? EXIT_BAD : EXIT_DONE;
}

static int parse_rules(struct comparison *comparison)
{
	const struct diff_settings *settings = comparison->settings;
	int status = compare_read_suppressions(&settings->common, &settings->compare.suppressions,
					       &comparison->suppressions);

	comparison->rules.suppressions =
		comparison->suppressions.patterns.n ? &comparison->suppressions : NULL;
	if (!status)
		status = compare_parse_tags(&settings->tags, &comparison->tags);
	comparison->rules.tags = comparison->tags.n ? &comparison->tags : NULL;
	if (!status)
		status = compare_compile("focus", settings->focus, &comparison->focus_regex,
					 &comparison->rules.focus);
	if (!status)
		status = compare_compile("ignore", settings->ignore, &comparison->ignore_regex,
					 &comparison->rules.ignore);
	if (!status)
		status = compare_compile_hide(&settings->common, settings->compare.hide,
					      &comparison->hide_regex, &comparison->rules.hide);
	return status;
}

static int parse_options(struct comparison *comparison)
{
	const struct diff_settings *settings = comparison->settings;
	int status = compare_parse_by(settings->compare.by, &comparison->by);

	comparison->format = report_format_find(settings->compare.format);
	if (!comparison->format)
		return command_error(
			"--format: unknown format '%s'; expected text, markdown, json, pprof or "
			"folded",
			settings->compare.format);
	comparison->gate_options.is_strict = settings->is_strict;
	if (!status)
		status = compare_parse_confidence(&settings->compare,
						  &comparison->gate_options.confidence);
	if (!status)
		status = compare_find_display(&settings->common, settings->compare.output,
					      &comparison->display);
	if (!status)
		status = parse_gates(comparison, &settings->max_growth, false);
	if (!status)
		status = parse_gates(comparison, &settings->max_growth_per_function, true);
	return status ? status : parse_rules(comparison);
}

/* --- inputs -------------------------------------------------------------------------------- */

/* Reads the names of the files of both sides. With --base or --base-files-from, all inputs are runs
 * of the new side; otherwise there are two inputs, and the first is the base. */
static int list_sides(struct comparison *comparison)
{
	const struct diff_settings *settings = comparison->settings;
	const struct settings *common = &settings->common;
	bool has_bases = settings->bases.n || settings->base_files_from;
	char *const *bases = has_bases ? (char *const *)settings->bases.items : common->inputs;
	size_t n_bases = has_bases ? settings->bases.n : 1, n_inputs = (size_t)common->n_inputs;
	size_t first_new = has_bases ? 0 : 1;
	struct input_list *lists = comparison->lists;
	int status;

	if (has_bases ? !n_inputs && !settings->files_from : n_inputs != 2)
		return command_error("expected BASE and NEW; see '" PROGRAM " diff --help'");
	status = input_list_read(&lists[DIFF_BASE], bases, n_bases, settings->base_files_from);
	return status ? status
		      : input_list_read(&lists[DIFF_NEW], common->inputs + first_new,
					n_inputs - first_new, settings->files_from);
}

static int load_sides(struct comparison *comparison)
{
	const struct diff_settings *settings = comparison->settings;
	int status = diff_sides_load(&comparison->sides, comparison->lists,
				     settings->allow_missing_base);

	if (!status && settings->paired_by)
		status = diff_sides_pair(&comparison->sides, settings->paired_by);
	return status;
}

/* Fails if the output is one of the files that are read. */
static int check_files(const struct comparison *comparison)
{
	const struct diff_settings *settings = comparison->settings;
	const char *names[2];
	struct texts lists = {.items = names};
	const struct texts *const read[] = {&lists, &settings->compare.suppressions, NULL};
	struct settings side = settings->common;
	int status = EXIT_DONE;

	if (settings->base_files_from)
		lists.items[lists.n++] = settings->base_files_from;
	if (settings->files_from)
		lists.items[lists.n++] = settings->files_from;
	for (int i = 0; !status && i < 2; i++) {
		input_list_use(&comparison->lists[i], &side);
		status = files_check(&side, read, settings->compare.output);
	}
	return status;
}

static int check_types(struct comparison *comparison)
{
	const struct profile *profile = comparison->sides.inputs[DIFF_NEW].profiles.items[0];
	int value = command_sample_type(&comparison->settings->common, profile), status;

	if (value < 0)
		return EXIT_BAD;
	if (!profile->sample_types.n)
		return command_error("%s: no values", comparison->sides.inputs[DIFF_NEW].names[0]);
	comparison->type = profile_string(profile, profile->sample_types.items[value].type);
	status = diff_sides_check_type(&comparison->sides, comparison->type);
	for (size_t i = 0; !status && i < comparison->gates.n; i++)
		status = diff_sides_check_type(&comparison->sides, comparison->gates.items[i].type);
	return status;
}

static int load_and_check(struct comparison *comparison)
{
	const struct diff_settings *settings = comparison->settings;
	struct diff_sides *sides = &comparison->sides;
	bool has_gates = comparison->gates.n > 0;
	int status = list_sides(comparison);

	if (!status)
		status = check_files(comparison);
	if (!status)
		status = load_sides(comparison);
	if (!status)
		status = diff_sides_name_values(sides,
						has_gates ? comparison->gates.items[0].type : NULL);
	if (!status)
		status = check_types(comparison);
	if (!status)
		status = diff_sides_check(sides, &settings->compare,
					  comparison->gate_options.confidence, has_gates);
	for (int side = 0; !status && side < 2; side++)
		status = inputs_find_fileless(&sides->inputs[side], &comparison->fileless);
	return status;
}

/* --- comparing ----------------------------------------------------------------------------- */

static int compare_sides(const struct comparison *comparison, const char *type, struct diff *out)
{
	const struct inputs *base = &comparison->sides.inputs[DIFF_BASE];
	const struct inputs *new = &comparison->sides.inputs[DIFF_NEW];
	int r = comparison->sides.is_paired ? diff_init_pairs(out, type, base->items.items,
							      new->items.items, base->items.n)
					    : diff_init(out, type, base->items.items, base->items.n,
							new->items.items, new->items.n);

	return r ? command_error("%s", strerror(-r)) : EXIT_DONE;
}

static int prepare_sides(struct comparison *comparison, enum frames_by by,
			 const struct filter_rules *rules)
{
	const struct strtab *fileless = &comparison->fileless;
	int status = inputs_prepare(&comparison->sides.inputs[DIFF_BASE], by, fileless, rules);

	return status ? status
		      : inputs_prepare(&comparison->sides.inputs[DIFF_NEW], by, fileless, rules);
}

static int judge_each(struct comparison *comparison)
{
	int status = EXIT_DONE, r = 0;

	for (size_t i = 0; !r && i < comparison->gates.n; i++) {
		const struct gate *gate = &comparison->gates.items[i];
		struct diff *diff = &comparison->judged.items[comparison->judged.n++];

		status = compare_sides(comparison, gate->type, diff);
		if (status)
			break;
		diff_sort(diff); /* failures are listed in the order of their rows */
		r = gate_judge(&comparison->results.items[comparison->results.n++], gate, diff,
			       &comparison->gate_options);
	}
	return r ? command_error("%s", strerror(-r)) : status;
}

/* Judges the gates. Gates judge functions, or pools if the report is by pools, with all samples
 * that are not suppressed, no matter which of them the report shows. */
static int judge_gates(struct comparison *comparison)
{
	const struct filter_rules rules = {.suppressions = comparison->rules.suppressions,
					   .hide = comparison->rules.hide};
	size_t n = comparison->gates.n;
	int status;

	if (!n)
		return EXIT_DONE;
	if (vec_reserve(&comparison->judged, n) || vec_reserve(&comparison->results, n))
		return command_error("%s", strerror(ENOMEM));
	status = prepare_sides(comparison, judged_by(comparison), &rules);
	if (!status)
		status = judge_each(comparison);
	inputs_release(&comparison->sides.inputs[DIFF_BASE]);
	inputs_release(&comparison->sides.inputs[DIFF_NEW]);
	return status;
}

/* Returns the number of gates on values in use if all of them have passed, otherwise -1. */
static int count_passed(const struct comparison *comparison)
{
	int n = 0;

	vec_foreach (result, &comparison->results) {
		if (strncmp(result->gate->type, "inuse_", 6) != 0)
			continue;
		if (result->failures.n)
			return -1;
		n++;
	}
	return n;
}

/* --- reporting ----------------------------------------------------------------------------- */

static int fill_report(struct comparison *comparison)
{
	const struct inputs *base = &comparison->sides.inputs[DIFF_BASE];
	const struct inputs *new = &comparison->sides.inputs[DIFF_NEW];
	struct report *report = &comparison->report;

	report->diff = &comparison->diff;
	report->inputs[DIFF_BASE] = base->items.items;
	report->inputs[DIFF_NEW] = new->items.items;
	report->names[DIFF_BASE] = base->names;
	report->names[DIFF_NEW] = new->names;
	report->n_top = (size_t)comparison->settings->compare.n_lines;
	report->confidence = comparison->gate_options.confidence;
	report->is_strict = comparison->gate_options.is_strict;
	report->by = comparison->settings->compare.by;
	report->full_names = comparison->settings->common.full_names;
	report->display = &comparison->display;
	report->is_one_run = diff_sides_is_one_run(&comparison->sides);
	report->results = comparison->results.items;
	report->n_results = comparison->results.n;
	report->warnings.items = comparison->sides.warnings.items;
	report->warnings.n = comparison->sides.warnings.n;
	diff_sort(&comparison->diff);
	return report_mark(report) ? command_error("%s", strerror(ENOMEM)) : EXIT_DONE;
}

static int write_report(const struct comparison *comparison)
{
	_cleanup_(output_freep) struct output *output = NULL;
	const char *path = comparison->settings->compare.output;
	struct diag diag = {0};
	int r;

	path = path ? path : "-";
	if (comparison->format->is_binary && strcmp(path, "-") == 0 && isatty(STDOUT_FILENO))
		return command_error("a terminal cannot show a binary profile; use -o FILE");
	r = output_open(&output, path, &diag);
	if (!r) {
		r = comparison->format->write(&comparison->report, output);
		if (r < 0)
			diag_errno(&diag, r);
		else if (r > 0)
			diag_error(&diag, r, "the profiles count different things");
	}
	if (!r)
		r = output_commit(output, &diag);
	diag_print(&diag, program_name(), !comparison->settings->common.quiet, stderr);
	diag_deinit(&diag);
	return r ? EXIT_BAD : EXIT_DONE;
}

static void print_failures_of(const struct comparison *comparison, const struct gate_result *result)
{
	size_t n = result->failures.n;

	for (size_t i = 0; i < n && i < FORMAT_FAILURES_MAX; i++) {
		char *text = report_describe_failure(&comparison->report, result,
						     &result->failures.items[i]);

		command_error("gate failed: %s", text ? text : strerror(ENOMEM));
		free(text);
	}
	if (n > FORMAT_FAILURES_MAX)
		command_error("gate failed: %zu more of %s", n - FORMAT_FAILURES_MAX,
			      result->gate->text);
}

static int print_failures(const struct comparison *comparison)
{
	vec_foreach (result, &comparison->results)
		print_failures_of(comparison, result);
	return report_has_failures(&comparison->report) ? EXIT_GATE : EXIT_DONE;
}

static int report_diff(struct comparison *comparison)
{
	int status = prepare_sides(comparison, comparison->by, &comparison->rules);

	if (!status)
		status = compare_sides(comparison, comparison->type, &comparison->diff);
	if (!status && comparison->settings->focus && !diff_has_samples(&comparison->diff.total))
		status = diff_sides_warn(&comparison->sides, "no sample matches --focus");
	if (!status)
		status = fill_report(comparison);
	if (!status)
		status = write_report(comparison);
	return status ? status : print_failures(comparison);
}

static int run_comparison(struct comparison *comparison)
{
	bool allow_empty = comparison->settings->allow_empty;
	int status = parse_options(comparison);

	if (!status)
		status = load_and_check(comparison);
	if (!status)
		status = judge_gates(comparison);
	if (!status)
		status = diff_sides_check_leftover(&comparison->sides, count_passed(comparison),
						   allow_empty);
	return status ? status : report_diff(comparison);
}

static void comparison_deinit(struct comparison *comparison)
{
	diff_sides_deinit(&comparison->sides);
	input_list_deinit(&comparison->lists[DIFF_BASE]);
	input_list_deinit(&comparison->lists[DIFF_NEW]);
	vec_deinit(&comparison->report.marks);
	diff_deinit(&comparison->diff);
	vec_foreach (result, &comparison->results)
		gate_result_deinit(result);
	vec_deinit(&comparison->results);
	vec_foreach (judged, &comparison->judged)
		diff_deinit(judged);
	vec_deinit(&comparison->judged);
	vec_deinit(&comparison->gates);
	strtab_deinit(&comparison->fileless);
	suppressions_deinit(&comparison->suppressions);
	compare_free_tags(&comparison->tags);
	if (comparison->rules.focus)
		regfree(&comparison->focus_regex);
	if (comparison->rules.ignore)
		regfree(&comparison->ignore_regex);
	if (comparison->rules.hide)
		regfree(&comparison->hide_regex);
}

static int run_diff(const struct settings *common)
{
	struct comparison comparison = {
		.settings = SETTINGS_OF(struct diff_settings, common),
		.sides.settings = common,
	};
	int status = run_comparison(&comparison);

	comparison_deinit(&comparison);
	return status;
}

static const struct option_row options[] = {
	OPTION_ROW_OUTPUT(struct diff_settings),
	{"format", 'F', OPTION_TEXT, offsetof(struct diff_settings, compare.format), "FORMAT",
	 "text, the default, is for a terminal; markdown for a comment on a pull request; json for "
	 "programs; pprof for go tool pprof; folded for a differential flame graph."},
	{"base", 0, OPTION_TEXTS, offsetof(struct diff_settings, bases), "FILE",
	 "A run of the base. May be given several times; all inputs are then runs of the new side, "
	 "and the means are compared. The spread among runs shows the error better than theory "
	 "alone."},
	{"base-files-from", 0, OPTION_TEXT, offsetof(struct diff_settings, base_files_from), "FILE",
	 "Reads names of more runs of the base from a file, like --files-from."},
	OPTION_ROW_FILES_FROM(struct diff_settings),
	{"paired-by", 0, OPTION_TEXT, offsetof(struct diff_settings, paired_by), "KEY",
	 "Compares pairs of runs that have the same value of this metadata, such as the label "
	 "host: "
	 "one of the base and one of the new side. What differs between hosts is on both sides "
	 "then, so smaller changes are seen. Runs without a partner are left out."},
	OPTION_ROW_SAMPLE_TYPE,
	{"top", 'l', OPTION_COUNT, offsetof(struct diff_settings, compare.n_lines), "N",
	 "Shows the N largest changes; 0 shows all rows, unchanged ones too. The default is 30."},
	{"by", 0, OPTION_TEXT, offsetof(struct diff_settings, compare.by), "WHAT",
	 "What a row is: function, which is the default, file, line, mapping, pool, or "
	 "pool-function, a function in a pool. Gates judge functions, unless rows are of pools: "
	 "then --max-growth-per-function judges pools, or functions in a pool."},
	OPTION_ROW_TAG(offsetof(struct diff_settings, tags)),
	{"focus", 0, OPTION_TEXT, offsetof(struct diff_settings, focus), "REGEX",
	 "Shows only samples with a function, source file or library that matches. Gates always "
	 "judge all samples."},
	{"ignore", 0, OPTION_TEXT, offsetof(struct diff_settings, ignore), "REGEX",
	 "Hides samples with a function, source file or library that matches. Gates judge them "
	 "too."},
	OPTION_ROW_HIDE(offsetof(struct diff_settings, compare.hide)),
	OPTION_ROW_HIDE_STD,
	{"max-growth", 'g', OPTION_TEXTS, offsetof(struct diff_settings, max_growth), "TYPE=LIMIT",
	 "A gate: exit status 1 if the total of that sample type has grown by more than LIMIT, "
	 "such as inuse_space=2%, inuse_space=10M or inuse_objects=5000. May be given several "
	 "times."},
	{"max-growth-per-function", 'G', OPTION_TEXTS,
	 offsetof(struct diff_settings, max_growth_per_function), "TYPE=LIMIT",
	 "The same for what each function has allocated itself. The first 30 failures are printed, "
	 "and how many more there are; json has all."},
	{"confidence", 0, OPTION_TEXT, offsetof(struct diff_settings, compare.confidence), "C",
	 "How sure a gate must be, given the error of sampling, that its limit was passed; a gate "
	 "of functions, that any function passed it. All intervals have this confidence too. The "
	 "default is 0.95."},
	{"strict", 0, OPTION_FLAG, offsetof(struct diff_settings, is_strict), NULL,
	 "Lets a gate fail as soon as the estimate is above its limit, with any confidence."},
	OPTION_ROW_SUPPRESSIONS(struct diff_settings),
	{"allow-dropped", 0, OPTION_FLAG, offsetof(struct diff_settings, compare.allow_dropped),
	 NULL, "Lets gates judge profiles that lost samples."},
	{"allow-missing-base", 0, OPTION_FLAG, offsetof(struct diff_settings, allow_missing_base),
	 NULL,
	 "Takes a base that is missing, or is an empty file, for a base of nothing. A profile "
	 "without a sample is a valid base without this option."},
	{"allow-empty", 0, OPTION_FLAG, offsetof(struct diff_settings, allow_empty), NULL,
	 "Lets gates of values in use pass that compare what programs have left at their end: 1M "
	 "or more was allocated, and on each side less than a hundredth of it is in use, and no "
	 "more than 256K and two samples. Without this option that is an error: at its end a "
	 "program that frees everything holds the same, whatever it leaked before. A dump with "
	 "another reason than exit counts as a program at work."},
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

static const struct diff_settings defaults = {
	.common.max_input_bytes = INPUT_BYTES_LIMIT,
	.compare = COMPARE_DEFAULTS,
};

const struct command command_diff = {
	.name = "diff",
	.arguments = "BASE NEW | --base=FILE... NEW... | --base-files-from=FILE --files-from=FILE",
	.summary = "compare profiles, and fail if something grew beyond a limit",
	.description = "Functions are matched by name and file, so two builds can be compared, "
		       "even from different folders; where one side does not know the file, by "
		       "name alone. Folded stacks do not say what they count: they are taken to "
		       "count what the other side counts, exactly. Each difference has an interval "
		       "for the error of sampling; a * marks the real ones, judged among all that "
		       "were compared. For two dumps of one run the error is only that of what "
		       "changed between them; the earlier one must be the base.",
	.options = options,
	.defaults = &defaults.common,
	.settings_size = sizeof(defaults),
	.run = run_diff,
};
