/* SPDX-License-Identifier: MIT */
#include "command/run/run_report.h"

#include <errno.h>
#include <string.h>

#include "analysis/leftover.h"
#include "analysis/top.h"
#include "base/input.h"
#include "command/next_command.h"
#include "commands/command.h"
#include "commands/commands.h"
#include "commands/inputs.h"
#include "commands/notes.h"
#include "reports/report.h"

#define TYPE       "inuse_space"
#define CONFIDENCE 0.95
#define UNSEEN_MIN (INT64_C(8) << 20) /* bytes; less is not worth a line */

static const struct settings quiet = {.quiet = true, .max_input_bytes = INPUT_BYTES_LIMIT};

struct run_report {
	const char *folder;
	const struct dump_run *run;
	const process_vec *survivors;
	uint64_t every_seconds;
	double at_end, at_most; /* bytes in use */
	size_t most;            /* the dump that has them */
	int64_t unseen;         /* bytes, see notes_unseen_bytes(); in the dump that has most */
	size_t last;            /* what the first dump is compared with */
};

/* Returns the path of a dump; the caller frees it. */
static char *path_of(const struct run_report *report, size_t dump)
{
	char *path;

	return asprintf(&path, "%s/%s", report->folder, report->run->files[dump].name) < 0 ? NULL
											   : path;
}

/* --- numbers ------------------------------------------------------------------------------- */

static int measure_dump(struct run_report *report, size_t dump)
{
	_cleanup_(freep) void *path = path_of(report, dump);
	_cleanup_(profile_freep) struct profile *profile = path ? command_load(&quiet, path) : NULL;
	int64_t unseen;

	if (!profile)
		return path ? EXIT_BAD : command_error("%s", strerror(ENOMEM));
	unseen = notes_unseen_bytes(profile, UNSEEN_MIN);
	if (unseen > report->unseen)
		report->unseen = unseen;
	report->at_end = leftover_find(profile).inuse;
	if (report->at_end > report->at_most) {
		report->at_most = report->at_end;
		report->most = dump;
	}
	return EXIT_DONE;
}

/* Measures each dump, and chooses the dump with which the first one is compared: the last one or,
 * if that has less than half of the peak in use, the one at the peak, unless it is the first. */
static int measure(struct run_report *report)
{
	int status = EXIT_DONE;

	for (size_t i = 0; !status && i < report->run->n; i++)
		status = measure_dump(report, i);
	report->last = report->run->n - 1;
	if (report->at_end < report->at_most / 2 && report->most > 0)
		report->last = report->most;
	return status;
}

static bool is_running(const struct run_report *report, pid_t pid)
{
	vec_foreach (survivor, report->survivors)
		if (*survivor == pid)
			return true;
	return false;
}

static void print_numbers(const struct run_report *report)
{
	const struct dump_file *file = &report->run->files[report->run->n - 1];
	size_t n = report->run->n;

	command_error("%s (process %d): %s in use at %s, %s at its peak, %zu dump%s", file->program,
		      file->pid, format_value(report->at_end, true).text,
		      file->is_exit                   ? "the end"
		      : is_running(report, file->pid) ? "its last dump so far"
						      : "its last dump",
		      format_value(report->at_most, true).text, n, n == 1 ? "" : "s");
}

/* Says that the numbers leave out much memory, and what records it. */
static void print_unseen(const struct run_report *report)
{
	if (report->unseen)
		command_error("up to %s more are not in these numbers: what the program maps "
			      "itself, as Python does for small objects, stacks, or freed memory; "
			      "HEAP_PROFILE_MMAP=1 records mappings",
			      format_value((double)report->unseen, true).text);
}

/* --- what grew ----------------------------------------------------------------------------- */

static void print_growth(const struct diff *diff, const struct report *marked)
{
	for (size_t i = 0; i < diff->rows.n; i++) {
		const struct diff_row *row = &diff->rows.items[i];
		struct estimated_change change = diff_change(diff, &row->flat);
		double difference = estimated_change_difference(&change);

		if (!marked->marks.items[i] || difference <= 0)
			continue;
		command_error("grew most: %s by %s, to %s", diff_name(diff, row),
			      format_value(difference, diff->is_bytes).text,
			      format_value(change.new.value, diff->is_bytes).text);
		return;
	}
	command_error("nothing grew by more than the sampling error");
}

static int compare(const struct inputs sides[2], struct diff *diff)
{
	struct report report = {
		.diff = diff,
		.inputs = {sides[DIFF_BASE].items.items, sides[DIFF_NEW].items.items},
		.confidence = CONFIDENCE,
		.is_one_run = true,
	};
	int r = diff_init(diff, TYPE, sides[DIFF_BASE].items.items, 1, sides[DIFF_NEW].items.items,
			  1);

	if (!r) {
		diff_sort(diff);
		r = report_mark(&report);
	}
	if (!r)
		print_growth(diff, &report);
	vec_deinit(&report.marks);
	return r ? command_error("%s", strerror(-r)) : EXIT_DONE;
}

static int report_growth(char *const paths[2])
{
	const struct filter_rules rules = {0};
	struct strtab fileless = {0};
	struct inputs sides[2] = {0};
	struct diff diff = {0};
	int status = EXIT_DONE;

	for (int side = 0; !status && side < 2; side++)
		status = inputs_load(&sides[side], &quiet, 2, &paths[side], 1);
	if (!status)
		status = inputs_set_common_interval(
			(struct profile *[]){sides[DIFF_BASE].profiles.items[0],
					     sides[DIFF_NEW].profiles.items[0]},
			2);
	for (int side = 0; !status && side < 2; side++)
		status = inputs_find_fileless(&sides[side], &fileless);
	for (int side = 0; !status && side < 2; side++)
		status = inputs_prepare(&sides[side], FRAMES_BY_FUNCTION, &fileless, &rules);
	if (!status)
		status = compare(sides, &diff);
	diff_deinit(&diff);
	for (int side = 0; side < 2; side++)
		inputs_deinit(&sides[side]);
	strtab_deinit(&fileless);
	return status;
}

/* --- what holds most ----------------------------------------------------------------------- */

static int print_holder(const struct profile *profile)
{
	int value = profile_find_sample_type(profile, TYPE);
	struct frames frames = {0};
	struct top top = {0};
	int r = frames_init(&frames, profile);

	if (!r && value >= 0)
		r = top_init(&top, &frames, NULL, (size_t)value, false /* by flat values */);
	if (!r && top.rows.n)
		command_error("holds most: %s, %s", top_name(&frames, &top.rows.items[0]),
			      format_value((double)top.rows.items[0].flat, true).text);
	else if (!r)
		command_error("holds most: no block in use was sampled; --interval=16K or --exact "
			      "records more");
	top_deinit(&top);
	frames_deinit(&frames);
	return r ? command_error("%s", strerror(-r)) : EXIT_DONE;
}

static int report_holder(const char *path)
{
	_cleanup_(profile_freep) struct profile *profile = command_load(&quiet, path);
	int status = profile ? command_symbolize(&quiet, 1, profile) : EXIT_BAD;

	return status ? status : print_holder(profile);
}

/* --- commands ------------------------------------------------------------------------------ */

static void print_places(const struct run_report *report)
{
	size_t n = report->run->n_others;

	if (n)
		command_error("the dumps are in %s; %zu other process%s wrote dumps too",
			      report->folder, n, n == 1 ? "" : "es");
	else
		command_error("the dumps are in %s", report->folder);
}

void run_report_print_survivors(const process_vec *survivors)
{
	struct process_facts facts;
	const char *name;
	pid_t pid;

	if (!survivors->n)
		return;
	pid = survivors->items[0];
	name = process_inspect(pid, &facts) ? "" : program_base_name(facts.program);
	command_error("%s (process %d) is still running%s, and writes more dumps; 'pprofconv top "
		      "pid:%d' shows what it holds",
		      *name ? name : "the program", pid, survivors->n > 1 ? ", as are others" : "",
		      pid);
}

static int print_lines(const struct run_report *report, char *const paths[2])
{
	bool is_series = report->last > 0;
	int status;

	print_numbers(report);
	print_unseen(report);
	status = is_series ? report_growth(paths) : report_holder(paths[1]);
	print_places(report);
	run_report_print_survivors(report->survivors);
	if (!status)
		status = next_command_pprofconv(stderr, "top", &paths[1], 1);
	if (!status && is_series)
		return next_command_pprofconv(stderr, "diff", paths, 2);
	command_error("one dump can't show growth; %s",
		      report->every_seconds == 1
			      ? "let the program run longer"
			      : "if the program runs longer, --every=1s writes more dumps");
	return status;
}

/* --- page ---------------------------------------------------------------------------------- */

typedef VEC(char *) argument_vec;

/* Adds an argument, which the vector then owns; NULL is memory that is out. */
static int push_argument(argument_vec *arguments, char *argument)
{
	int r = argument ? vec_push(arguments, argument) : -ENOMEM;

	if (r)
		free(argument);
	return r;
}

/* Adds the command line of `pprofconv html` to `arguments`. Each is to be freed. */
static int add_arguments(const struct run_report *report, const char *html, argument_vec *arguments)
{
	const char *const first[] = {"html", "-q", "-o", html, "--"};
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(first) / sizeof(first[0]); i++)
		r = push_argument(arguments, strdup(first[i]));
	for (size_t i = 0; !r && i < report->run->n; i++)
		r = push_argument(arguments, path_of(report, i));
	return r ? r : vec_push(arguments, NULL);
}

/* Writes the page about all dumps of the process. */
static int write_page(const struct run_report *report, const char *html)
{
	argument_vec arguments = {0};
	int status;

	if (add_arguments(report, html, &arguments))
		status = command_error("%s", strerror(ENOMEM));
	else
		status = program_run_command(&command_html, (int)arguments.n - 1, arguments.items);
	if (!status)
		command_error("the page is %s", html);
	vec_foreach (argument, &arguments)
		free(*argument);
	vec_deinit(&arguments);
	return status;
}

int run_report_print(const char *folder, const struct dump_run *run, const process_vec *survivors,
		     uint64_t every_seconds, const char *html)
{
	struct run_report report = {
		.folder = folder,
		.run = run,
		.survivors = survivors,
		.every_seconds = every_seconds,
	};
	char *paths[2] = {NULL, NULL};
	int status = measure(&report);

	if (!status) {
		paths[0] = path_of(&report, 0);
		paths[1] = path_of(&report, report.last);
		status = paths[0] && paths[1] ? print_lines(&report, paths)
					      : command_error("%s", strerror(ENOMEM));
	}
	if (!status && html)
		status = write_page(&report, html);
	free(paths[0]);
	free(paths[1]);
	return status;
}
