/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "analysis/leftover.h"
#include "analysis/pairing.h"
#include "analysis/shared_samples.h"
#include "base/input.h"
#include "commands/commands.h"
#include "commands/compare.h"
#include "commands/empty.h"
#include "commands/files.h"
#include "commands/inputs.h"
#include "reports/report.h"

struct diff_settings {
	struct settings common;
	struct compare_settings compare;
	struct texts bases;
	const char *focus;
	const char *ignore;
	struct texts max_growth;
	struct texts max_growth_per_function;
	bool is_strict;
	bool allow_missing_base;
	bool allow_empty;
};

struct comparison {
	const struct diff_settings *settings;
	const struct report_format *format;
	struct gate_options gate_options;
	enum frames_by by;
	const char *type;
	struct suppressions suppressions;
	regex_t focus_regex, ignore_regex, hide_regex;
	struct filter_rules rules;
	struct inputs sides[2];
	struct strtab fileless; /* functions that one of the inputs knows no file of */
	VEC(struct gate) gates;
	VEC(struct gate_result) results;
	VEC(struct diff)
	judged; /* a diff for each gate: its type's, by functions, of all samples */
	struct diff diff;
	struct report report;
};

/* --- arguments ----------------------------------------------------------------------------- */

static int parse_gates(struct comparison *comparison, const struct texts *texts, bool per_function)
{
	struct diag diag = {0};
	struct gate gate;
	int r = 0;

	for (size_t i = 0; !r && i < texts->n; i++) {
		r = gate_parse(&gate, texts->items[i], per_function, &diag);
		if (!r)
			r = vec_push(&comparison->gates, gate);
	}
	diag_print(&diag, PROGRAM, true /* warnings */, stderr);
	diag_deinit(&diag);
	return r ? EXIT_BAD : EXIT_DONE;
}

static int parse_rules(struct comparison *comparison)
{
	const struct diff_settings *settings = comparison->settings;
	int status = compare_read_suppressions(&settings->common, &settings->compare,
					       &comparison->suppressions);

	comparison->rules.suppressions =
		comparison->suppressions.patterns.n ? &comparison->suppressions : NULL;
	if (!status)
		status = compare_compile("focus", settings->focus, &comparison->focus_regex,
					 &comparison->rules.focus);
	if (!status)
		status = compare_compile("ignore", settings->ignore, &comparison->ignore_regex,
					 &comparison->rules.ignore);
	if (!status)
		status = compare_compile("hide", settings->compare.hide, &comparison->hide_regex,
					 &comparison->rules.hide);
	return status;
}

static int parse(struct comparison *comparison)
{
	const struct diff_settings *settings = comparison->settings;
	int status = compare_parse_by(&settings->compare, &comparison->by);

	comparison->format = report_format_find(settings->compare.format);
	if (!comparison->format)
		return command_error(
			"--format: '%s' is none of text, markdown, json, pprof and folded",
			settings->compare.format);
	comparison->gate_options.is_strict = settings->is_strict;
	if (!status)
		status = compare_parse_confidence(&settings->compare,
						  &comparison->gate_options.confidence);
	if (!status)
		status = parse_gates(comparison, &settings->max_growth, false);
	if (!status)
		status = parse_gates(comparison, &settings->max_growth_per_function, true);
	return status ? status : parse_rules(comparison);
}

/* --- inputs -------------------------------------------------------------------------------- */

static bool is_null_device(const struct stat *status)
{
	return S_ISCHR(status->st_mode) && status->st_rdev == makedev(1, 3);
}

/* Not there, or a file of no bytes at all, as a broken download leaves it. */
static bool is_missing(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return errno == ENOENT;
	return (S_ISREG(status.st_mode) && status.st_size == 0) || is_null_device(&status);
}

/* A base that is missing is one of nothing, if that is allowed; one of several is not. */
static int load_base(struct comparison *comparison, size_t n_profiles, char *const *names, size_t n)
{
	if (comparison->settings->allow_missing_base && n == 1 && is_missing(names[0])) {
		if (!comparison->settings->common.quiet)
			command_error("%s: not there, or empty; every sample is new", names[0]);
		return EXIT_DONE;
	}
	return inputs_load(&comparison->sides[DIFF_BASE], &comparison->settings->common, n_profiles,
			   names, n);
}

/* The base may be given by options; else it is the first of two. */
static int load(struct comparison *comparison)
{
	const struct diff_settings *settings = comparison->settings;
	const struct settings *common = &settings->common;
	const struct texts *bases = &settings->bases;
	size_t n_profiles = (size_t)common->n_inputs + bases->n;
	int status;

	if (bases->n ? common->n_inputs < 1 : common->n_inputs != 2)
		return command_error("expected BASE and NEW; '" PROGRAM
				     " diff --help' tells how to use it");
	if (bases->n)
		status = load_base(comparison, n_profiles, (char *const *)bases->items, bases->n);
	else
		status = load_base(comparison, n_profiles, common->inputs, 1);
	if (status)
		return status;
	return inputs_load(&comparison->sides[DIFF_NEW], common, n_profiles,
			   common->inputs + (bases->n ? 0 : 1),
			   (size_t)common->n_inputs - (bases->n ? 0 : 1));
}

/* What folded stacks are taken to count: what is asked for, else what the other side shows first.
 */
static const char *wanted_type(const struct comparison *comparison, const struct profile *other)
{
	int value;

	if (comparison->settings->common.sample_type)
		return comparison->settings->common.sample_type;
	if (comparison->gates.n)
		return comparison->gates.items[0].type;
	value = command_sample_type(&comparison->settings->common, other);
	return profile_string(other, other->sample_types.items[value].type);
}

/* A profile that says what it counts, to be the measure of those that don't; NULL if none does. */
static const struct profile *find_said(const struct comparison *comparison)
{
	for (int side = 0; side < 2; side++)
		vec_foreach (profile, &comparison->sides[side].profiles)
			if (!inputs_is_unsaid(*profile) && (*profile)->sample_types.n)
				return *profile;
	return NULL;
}

static int name_values(struct comparison *comparison)
{
	const struct profile *said = find_said(comparison);
	const char *type = said ? wanted_type(comparison, said) : NULL;
	int value = said ? profile_find_sample_type(said, type) : -1, r = 0;
	const char *unit;

	if (value < 0)
		return EXIT_DONE; /* all are of one kind, or check_types() complains */
	unit = profile_string(said, said->sample_types.items[value].unit);
	for (int side = 0; !r && side < 2; side++)
		r = inputs_name_values(&comparison->sides[side], type, unit);
	return r ? command_error("%s", strerror(-r)) : EXIT_DONE;
}

static int find_type(const struct comparison *comparison, const char *type)
{
	for (int side = 0; side < 2; side++) {
		const struct inputs *inputs = &comparison->sides[side];

		for (size_t i = 0; i < inputs->profiles.n; i++)
			if (profile_find_sample_type(inputs->profiles.items[i], type) < 0)
				return command_error("%s: no values of the type '%s'",
						     inputs->names[i], type);
	}
	return EXIT_DONE;
}

static int check_types(struct comparison *comparison)
{
	const struct profile *profile = comparison->sides[DIFF_NEW].profiles.items[0];
	int value = command_sample_type(&comparison->settings->common, profile), status;

	if (value < 0)
		return EXIT_BAD;
	if (!profile->sample_types.n)
		return command_error("%s: no values", comparison->sides[DIFF_NEW].names[0]);
	comparison->type = profile_string(profile, profile->sample_types.items[value].type);
	status = find_type(comparison, comparison->type);
	for (size_t i = 0; !status && i < comparison->gates.n; i++)
		status = find_type(comparison, comparison->gates.items[i].type);
	return status;
}

static bool is_one_run(const struct comparison *comparison)
{
	const struct inputs *base = &comparison->sides[DIFF_BASE];
	const struct inputs *new = &comparison->sides[DIFF_NEW];

	return base->profiles.n == 1 && new->profiles.n == 1 &&
	       shared_samples_is_one_run(base->profiles.items[0], new->profiles.items[0]);
}

static int warn(struct comparison *comparison, const char *text)
{
	char *copy = strdup(text);

	if (!copy || vec_push(&comparison->report.warnings, copy) < 0) {
		free(copy);
		return command_error("%s", strerror(ENOMEM));
	}
	if (!comparison->settings->common.quiet)
		command_error("%s", text);
	return EXIT_DONE;
}

static int warn_of_empty(struct comparison *comparison, const char *name, size_t n_empty, size_t n,
			 const struct empty_text *text)
{
	char line[EMPTY_TEXT_MAX + FORMAT_SIZE];

	if (n_empty == n)
		snprintf(line, sizeof(line), "%s: %s", name, text->text);
	else
		snprintf(line, sizeof(line), "%s, %zu of %zu runs: %s", name, n_empty, n,
			 text->text);
	return n_empty ? warn(comparison, line) : EXIT_DONE;
}

/* A side without a sample is an estimate like any other: of nothing, with the error of what
 * sampling may have missed. Gates judge it by that. */
static int check_empty(struct comparison *comparison)
{
	static const char *const names[] = {[DIFF_BASE] = "base", [DIFF_NEW] = "new"};
	struct empty_text texts[2] = {0};
	size_t n_empty[2], n[2];
	int status = EXIT_DONE;

	for (int side = 0; side < 2; side++) {
		const struct inputs *inputs = &comparison->sides[side];

		n[side] = inputs->profiles.n;
		n_empty[side] =
			empty_count(inputs, comparison->gate_options.confidence, &texts[side]);
	}
	if (n[0] && n_empty[0] == n[0] && n_empty[1] == n[1] &&
	    strcmp(texts[0].text, texts[1].text) == 0)
		return warn_of_empty(comparison, "base and new", 1, 1, &texts[0]);
	for (int side = 0; !status && side < 2; side++)
		status = warn_of_empty(comparison, names[side], n_empty[side], n[side],
				       &texts[side]);
	return status;
}

static int check_dropped(struct comparison *comparison)
{
	uint64_t base = inputs_count_dropped(&comparison->sides[DIFF_BASE]);
	uint64_t new = inputs_count_dropped(&comparison->sides[DIFF_NEW]);
	char text[WARNING_MAX];
	int status;

	if (is_one_run(comparison)) /* whose later dump counts those of the earlier as well */
		base = 0;
	status = compare_check_dropped(&comparison->settings->compare, base + new,
				       comparison->gates.n > 0, text);
	return status || !*text ? status : warn(comparison, text);
}

struct intervals {
	int64_t least, most;
};

/* At what intervals a side was sampled; those that don't tell are left out. False if none does. */
static bool find_intervals(const struct inputs *inputs, struct intervals *out)
{
	bool has_any = false;

	vec_foreach (profile, &inputs->profiles) {
		int64_t period = profile_bytes_period(*profile);

		if (!period)
			continue;
		out->least = has_any && out->least < period ? out->least : period;
		out->most = has_any && out->most > period ? out->most : period;
		has_any = true;
	}
	return has_any;
}

static struct formatted format_interval(int64_t interval)
{
	struct formatted formatted = {"every allocation"};

	if (interval > 1)
		snprintf(formatted.text, FORMAT_SIZE, "one in %.200s",
			 format_value((double)interval, true /* bytes */).text);
	return formatted;
}

static struct formatted format_intervals(const struct intervals *intervals)
{
	struct formatted least = format_interval(intervals->least), formatted;

	if (intervals->least == intervals->most)
		return least;
	snprintf(formatted.text, FORMAT_SIZE, "from %.100s to %.100s", least.text,
		 format_interval(intervals->most).text);
	return formatted;
}

/* The numbers hold, each side with an error of its own. But it is seldom meant, and only as sure as
 * the worse side. */
static int check_intervals(struct comparison *comparison)
{
	struct intervals sides[2];
	char text[2 * FORMAT_SIZE];

	for (int side = 0; side < 2; side++)
		if (!find_intervals(&comparison->sides[side], &sides[side]))
			return EXIT_DONE;
	if (sides[0].least == sides[1].least && sides[0].most == sides[1].most)
		return EXIT_DONE;
	snprintf(text, sizeof(text), "the sides were sampled differently: base %.200s, new %.200s",
		 format_intervals(&sides[DIFF_BASE]).text, format_intervals(&sides[DIFF_NEW]).text);
	return warn(comparison, text);
}

/* What a process freed since would pass for a leak that was mended. */
static int check_order(const struct comparison *comparison)
{
	const struct inputs *base = &comparison->sides[DIFF_BASE];
	const struct inputs *new = &comparison->sides[DIFF_NEW];

	for (size_t i = 0; i < base->profiles.n; i++)
		for (size_t j = 0; j < new->profiles.n; j++)
			if (pairing_is_reversed(base->profiles.items[i], new->profiles.items[j]))
				return command_error("%s: an earlier dump of the same run than the "
						     "base, %s; swap them",
						     new->names[j], base->names[i]);
	return EXIT_DONE;
}

/* The program of a side; NULL if a profile does not tell, or two tell another. */
static const char *find_program(const struct inputs *inputs)
{
	const char *program = NULL;

	vec_foreach (profile, &inputs->profiles) {
		const char *own = pairing_program(*profile);

		if (!own || (program && strcmp(program, own) != 0))
			return NULL;
		program = own;
	}
	return program;
}

static int check_programs(struct comparison *comparison)
{
	const char *base = find_program(&comparison->sides[DIFF_BASE]);
	const char *new = find_program(&comparison->sides[DIFF_NEW]);
	char text[4 * FORMAT_SIZE];

	if (!base || !new || strcmp(base, new) == 0)
		return EXIT_DONE;
	snprintf(text, sizeof(text), "the sides are of different programs: base %.200s, new %.200s",
		 base, new);
	return warn(comparison, text);
}

/* --- comparing ----------------------------------------------------------------------------- */

static int compare(const struct comparison *comparison, const char *type, struct diff *out)
{
	const struct inputs *base = &comparison->sides[DIFF_BASE];
	const struct inputs *new = &comparison->sides[DIFF_NEW];
	int r = diff_init(out, type, base->items.items, base->items.n, new->items.items,
			  new->items.n);

	return r ? command_error("%s", strerror(-r)) : EXIT_DONE;
}

static int prepare(struct comparison *comparison, enum frames_by by,
		   const struct filter_rules *rules)
{
	const struct strtab *fileless = &comparison->fileless;
	int status = inputs_prepare(&comparison->sides[DIFF_BASE], by, fileless, rules);

	return status ? status : inputs_prepare(&comparison->sides[DIFF_NEW], by, fileless, rules);
}

static int judge_all(struct comparison *comparison)
{
	int status = EXIT_DONE, r = 0;

	for (size_t i = 0; !r && i < comparison->gates.n; i++) {
		const struct gate *gate = &comparison->gates.items[i];
		struct diff *diff = &comparison->judged.items[comparison->judged.n++];

		status = compare(comparison, gate->type, diff);
		if (status)
			break;
		diff_sort(diff); /* failures come in the order of their rows */
		r = gate_judge(&comparison->results.items[comparison->results.n++], gate, diff,
			       &comparison->gate_options);
	}
	return r ? command_error("%s", strerror(-r)) : status;
}

/* Gates judge functions and all samples, whatever the report shows. */
static int judge(struct comparison *comparison)
{
	const struct filter_rules rules = {.suppressions = comparison->rules.suppressions,
					   .hide = comparison->rules.hide};
	size_t n = comparison->gates.n;
	int status;

	if (!n)
		return EXIT_DONE;
	if (vec_reserve(&comparison->judged, n) || vec_reserve(&comparison->results, n))
		return command_error("%s", strerror(ENOMEM));
	status = prepare(comparison, FRAMES_BY_FUNCTION, &rules);
	if (!status)
		status = judge_all(comparison);
	inputs_release(&comparison->sides[DIFF_BASE]);
	inputs_release(&comparison->sides[DIFF_NEW]);
	return status;
}

/* --- what holds nothing -------------------------------------------------------------------- */

/* Of a side: the mean of its runs, and what is true of all. */
static struct leftover find_leftover(const struct inputs *inputs)
{
	double n = (double)inputs->profiles.n;
	struct leftover mean = {.is_leftover = n > 0, .is_at_work = n > 0};

	vec_foreach (profile, &inputs->profiles) {
		struct leftover own = leftover_find(*profile);

		mean.is_leftover &= own.is_leftover;
		mean.is_at_work &= own.is_at_work;
		mean.inuse += own.inuse / n;
		mean.allocated += own.allocated / n;
	}
	return mean;
}

/* How many gates of values in use there are that nothing has failed; -1 if one has. */
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

/* NULL if the sides can be compared. */
static const char *find_fault(const struct leftover *base, const struct leftover *new)
{
	if (base->is_leftover && new->is_leftover)
		return "both sides have freed what they held";
	if (base->is_at_work && new->is_leftover)
		return "the base is of a program at work, the new of one that has freed what it "
		       "held";
	if (base->is_leftover && new->is_at_work)
		return "the base is of a program that has freed what it held, the new of one at "
		       "work";
	return NULL;
}

/* Heaps that hold nothing any more are no proof that nothing grew. A gate that fails has seen
 * something. */
static int check_leftover(struct comparison *comparison)
{
	struct leftover base = find_leftover(&comparison->sides[DIFF_BASE]);
	struct leftover new = find_leftover(&comparison->sides[DIFF_NEW]);
	const char *fault = find_fault(&base, &new);
	int n_passed = count_passed(comparison);
	char text[FORMAT_SIZE];

	if (!fault || comparison->settings->allow_empty)
		return EXIT_DONE;
	snprintf(text, sizeof(text), "%.100s: base %.30s of %.30s allocated, new %.30s of %.30s",
		 fault, format_value(base.inuse, true /* bytes */).text,
		 format_value(base.allocated, true).text, format_value(new.inuse, true).text,
		 format_value(new.allocated, true).text);
	if (n_passed <= 0)
		return warn(comparison, text);
	return command_error(
		"%s; so no gate can see growth. Compare dumps from before the program's end, as "
		"HEAP_PROFILE_ALLOCATION_INTERVAL makes them; --allow-empty goes on",
		text);
}

/* --- reporting ----------------------------------------------------------------------------- */

static int fill_report(struct comparison *comparison)
{
	const struct inputs *base = &comparison->sides[DIFF_BASE];
	const struct inputs *new = &comparison->sides[DIFF_NEW];
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
	report->is_one_run = is_one_run(comparison);
	report->results = comparison->results.items;
	report->n_results = comparison->results.n;
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
		return command_error("the profile is not text for a terminal: use -o FILE");
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
	diag_print(&diag, PROGRAM, !comparison->settings->common.quiet, stderr);
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

static int report(struct comparison *comparison)
{
	int status = prepare(comparison, comparison->by, &comparison->rules);

	if (!status)
		status = compare(comparison, comparison->type, &comparison->diff);
	if (!status && comparison->settings->focus && !diff_has_samples(&comparison->diff.total))
		status = warn(comparison, "no sample matches --focus");
	if (!status)
		status = fill_report(comparison);
	if (!status)
		status = write_report(comparison);
	return status ? status : print_failures(comparison);
}

static int run_comparison(struct comparison *comparison)
{
	const struct diff_settings *settings = comparison->settings;
	const struct texts *const read[] = {&settings->bases, &settings->compare.suppressions,
					    NULL};
	int status = parse(comparison);

	if (!status)
		status = files_check(&settings->common, read, settings->compare.output);
	if (!status)
		status = load(comparison);
	if (!status)
		status = name_values(comparison);
	if (!status)
		status = check_types(comparison);
	if (!status)
		status = check_empty(comparison);
	if (!status)
		status = check_order(comparison);
	if (!status)
		status = check_dropped(comparison);
	if (!status)
		status = check_programs(comparison);
	if (!status)
		status = check_intervals(comparison);
	for (int side = 0; !status && side < 2; side++)
		status = inputs_find_fileless(&comparison->sides[side], &comparison->fileless);
	if (!status)
		status = judge(comparison);
	if (!status)
		status = check_leftover(comparison);
	return status ? status : report(comparison);
}

static void comparison_deinit(struct comparison *comparison)
{
	vec_foreach (warning, &comparison->report.warnings)
		free(*warning);
	vec_deinit(&comparison->report.warnings);
	vec_deinit(&comparison->report.marks);
	diff_deinit(&comparison->diff);
	vec_foreach (result, &comparison->results)
		gate_result_deinit(result);
	vec_deinit(&comparison->results);
	vec_foreach (judged, &comparison->judged)
		diff_deinit(judged);
	vec_deinit(&comparison->judged);
	vec_deinit(&comparison->gates);
	inputs_deinit(&comparison->sides[DIFF_BASE]);
	inputs_deinit(&comparison->sides[DIFF_NEW]);
	strtab_deinit(&comparison->fileless);
	suppressions_deinit(&comparison->suppressions);
	if (comparison->rules.focus)
		regfree(&comparison->focus_regex);
	if (comparison->rules.ignore)
		regfree(&comparison->ignore_regex);
	if (comparison->rules.hide)
		regfree(&comparison->hide_regex);
}

static int run(const struct settings *settings)
{
	struct comparison comparison = {.settings = SETTINGS_OF(struct diff_settings, settings)};
	int status = run_comparison(&comparison);

	comparison_deinit(&comparison);
	return status;
}

static const struct option_row options[] = {
	OPTION_ROW_OUTPUT(struct diff_settings),
	{"format", 'F', OPTION_TEXT, offsetof(struct diff_settings, compare.format), "FORMAT",
	 "text, for a terminal, which is the default; markdown, for the comment of a pull request; "
	 "json, for programs; pprof, for go tool pprof to draw; folded, for a differential flame "
	 "graph."},
	{"base", 0, OPTION_TEXTS, offsetof(struct diff_settings, bases), "FILE",
	 "A run of the base. May be given several times; all inputs are runs of the new then, and "
	 "means are compared: the spread among runs tells more of the error than theory alone."},
	OPTION_ROW_SAMPLE_TYPE,
	{"top", 'l', OPTION_COUNT, offsetof(struct diff_settings, compare.n_lines), "N",
	 "Shows the N largest changes; 0 is all, and what did not change as well. The default is "
	 "30."},
	{"by", 0, OPTION_TEXT, offsetof(struct diff_settings, compare.by), "WHAT",
	 "What is compared: function, which is the default, file, line or mapping. Gates judge "
	 "functions nevertheless."},
	{"focus", 0, OPTION_TEXT, offsetof(struct diff_settings, focus), "REGEX",
	 "Shows only samples with a function, source file or library that matches. Gates judge all "
	 "samples nevertheless."},
	{"ignore", 0, OPTION_TEXT, offsetof(struct diff_settings, ignore), "REGEX",
	 "Shows no samples with one that matches. Gates judge these too."},
	OPTION_ROW_HIDE(offsetof(struct diff_settings, compare.hide)),
	{"max-growth", 'g', OPTION_TEXTS, offsetof(struct diff_settings, max_growth), "TYPE=LIMIT",
	 "A gate: exit status 1 if the total of that sample type has grown by more than LIMIT, "
	 "such as inuse_space=2%, inuse_space=10M or inuse_objects=5000. May be given several "
	 "times."},
	{"max-growth-per-function", 'G', OPTION_TEXTS,
	 offsetof(struct diff_settings, max_growth_per_function), "TYPE=LIMIT",
	 "The same for what each function has allocated itself. The first 30 that fail are told, "
	 "and how many more did; json has all."},
	{"confidence", 0, OPTION_TEXT, offsetof(struct diff_settings, compare.confidence), "C",
	 "How sure it must be that a limit was passed, with regard to the error of sampling; for a "
	 "gate of functions, that any was. Also that of all intervals. The default is 0.95."},
	{"strict", 0, OPTION_FLAG, offsetof(struct diff_settings, is_strict), NULL,
	 "Lets a gate fail if the estimate is above its limit, sure or not."},
	OPTION_ROW_SUPPRESSIONS(struct diff_settings),
	{"allow-dropped", 0, OPTION_FLAG, offsetof(struct diff_settings, compare.allow_dropped),
	 NULL, "Lets gates judge profiles that have lost samples."},
	{"allow-missing-base", 0, OPTION_FLAG, offsetof(struct diff_settings, allow_missing_base),
	 NULL,
	 "Takes a base that is not there, or is a file of no bytes, for one of nothing. A profile "
	 "without a sample is a base without it."},
	{"allow-empty", 0, OPTION_FLAG, offsetof(struct diff_settings, allow_empty), NULL,
	 "Lets gates of values in use pass that compare what programs have left at their ends: on "
	 "both sides less than a hundredth of 1M or more that was allocated, and no more than 256K "
	 "and two samples. Without it that is an error, for a program that frees all it has holds "
	 "the same then, whatever it leaked. Dumps that tell another reason than exit are taken "
	 "for a program at work."},
	OPTION_ROW_FROM,
	OPTION_ROWS_SYMBOLS,
	OPTION_ROW_MAX_INPUT,
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
	.arguments = "BASE NEW | --base=FILE... NEW...",
	.summary = "compare profiles, and fail if something grew beyond a limit",
	.description = "Functions are matched by name and file, so two builds compare, also from "
		       "different folders; by name alone where one of them knows no file. Folded "
		       "stacks don't say what they count: it is taken for what they are compared "
		       "with, and for exact. Each difference comes with its interval, by the error "
		       "of sampling; a * marks those that are real, among all that "
		       "were compared. Two dumps of one run are compared with the error of what "
		       "changed between them only; the earlier one must be the base.",
	.options = options,
	.defaults = &defaults.common,
	.settings_size = sizeof(defaults),
	.run = run,
};
