/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analysis/leftover.h"
#include "base/input.h"
#include "base/utf8.h"
#include "command/commands.h"
#include "command/inspect_process.h"
#include "commands/command.h"
#include "commands/outside.h"
#include "reports/format.h"

struct list_row { /* texts of the columns; empty: not known */
	pid_t pid;
	char program[NAME_MAX + 1];
	struct formatted interval, inuse, rss;
	char since[32];
	char dumps[PREFIX_MAX];
	char error[DIAG_TEXT_MAX]; /* why its tables can't be read, or empty */
};

typedef VEC(struct list_row) list_row_vec;

static const struct settings quiet = {.quiet = true, .max_input_bytes = INPUT_BYTES_LIMIT};

/* --- reading ------------------------------------------------------------------------------- */

/* Writes the local time at which recording began. */
static void write_since(const struct profile *profile, char *out, size_t size)
{
	uint64_t uptime_ms = profile_metadata_number(profile, "uptime_ms");
	time_t start = (time_t)((profile->time_nanos / 1000000 - (int64_t)uptime_ms) / 1000);
	struct tm local;

	if (!uptime_ms || !profile->time_nanos || !localtime_r(&start, &local))
		return;
	strftime(out, size, "%Y-%m-%d %H:%M:%S", &local);
}

/* Replaces unprintable bytes by '?'. */
static void make_printable(char *text)
{
	size_t left = strlen(text);

	while (left) {
		size_t n = utf8_printable(text, left), step = n ? n : 1;

		if (!n)
			*text = '?';
		text += step;
		left -= step;
	}
}

static void fill_numbers(struct list_row *row, const struct profile *profile)
{
	int64_t interval = profile_bytes_period(profile);
	uint64_t rss = profile_metadata_number(profile, "rss_bytes");

	if (interval == 1)
		snprintf(row->interval.text, sizeof(row->interval.text), "exact");
	else if (interval > 1)
		row->interval = format_setting((double)interval);
	row->inuse = format_value(leftover_find(profile).inuse, true);
	if (rss)
		row->rss = format_value((double)rss, true);
	write_since(profile, row->since, sizeof(row->since));
}

static int parse_tables(struct list_row *row, const char *text, size_t size)
{
	_cleanup_(profile_freep) struct profile *profile =
		command_load_text(&quiet, row->program, text, size);

	if (!profile)
		return EXIT_BAD;
	fill_numbers(row, profile);
	return EXIT_DONE;
}

/* Reads the tables of the process. Returns whether it belongs into the list: it has tables, or the
 * library is mapped but the tables can't be read. */
static bool read_row(struct list_row *row, const struct process_facts *facts)
{
	struct diag diag = {0};
	size_t size = 0;
	char *text = NULL;
	int task, r;

	row->pid = facts->pid;
	snprintf(row->program, sizeof(row->program), "%s", program_base_name(facts->program));
	make_printable(row->program);
	snprintf(row->dumps, sizeof(row->dumps), "%s", facts->is_left_out ? "" : facts->prefix);
	r = outside_read_process(facts->pid, &task, &text, &size, &diag);
	if (r)
		snprintf(row->error, sizeof(row->error), "%s", diag.error);
	else
		parse_tables(row, text, size);
	free(text);
	diag_deinit(&diag);
	return !r || facts->has_library;
}

static int add_process(list_row_vec *rows, pid_t pid)
{
	_cleanup_(freep) void *facts_memory = malloc(sizeof(struct process_facts));
	_cleanup_(freep) void *row_memory = calloc(1, sizeof(struct list_row));
	struct process_facts *facts = facts_memory;
	struct list_row *row = row_memory;

	if (!facts || !row)
		return -ENOMEM;
	if (process_inspect(pid, facts) || !facts->status.has_memory || !read_row(row, facts))
		return 0;
	return vec_push(rows, *row);
}

/* --- printing ------------------------------------------------------------------------------ */

static const char *or_dash(const char *text)
{
	return *text ? text : "-";
}

static void print_row(const struct list_row *row)
{
	printf("%7d %-15s %7s %10s %10s %-19s  ", row->pid, or_dash(row->program),
	       or_dash(row->interval.text), or_dash(row->inuse.text), or_dash(row->rss.text),
	       or_dash(row->since));
	utf8_print(*row->error ? row->error : or_dash(row->dumps), stdout);
	putchar('\n');
}

static int print_rows(const list_row_vec *rows)
{
	if (!rows->n) {
		puts("no process has libheapprof; 'heapprof run PROGRAM' starts one that has");
		return EXIT_DONE;
	}
	printf("%7s %-15s %7s %10s %10s %-19s  %s\n", "PID", "PROGRAM", "R", "IN USE", "RSS",
	       "RECORDS SINCE", "DUMPS");
	vec_foreach (row, rows)
		print_row(row);
	return EXIT_DONE;
}

static int run_list(const struct settings *settings)
{
	list_row_vec rows = {0};
	process_vec found = {0};
	int r;

	if (settings->n_inputs)
		return command_error("expected no arguments; see 'heapprof list --help'");
	r = process_find(NULL, &found);
	for (size_t i = 0; !r && i < found.n; i++)
		r = add_process(&rows, found.items[i]);
	r = r ? command_error("/proc: %s", strerror(-r)) : print_rows(&rows);
	vec_deinit(&rows);
	vec_deinit(&found);
	return r;
}

static const struct option_row options[] = {OPTION_ROW_HELP, {0}};

static const struct settings defaults = {0};

const struct command command_list = {
	.name = "list",
	.arguments = "",
	.summary = "list the processes that have libheapprof",
	.description =
		"For each process: its ID, its program, the sample interval R, the memory "
		"in use as the profiler knows it, the resident memory, when recording "
		"began, and the prefix of its dumps as HEAPPROFILE had it. A dash means "
		"that a value is not known. If a process can't be read, the last column says why. "
		"Root's list has the processes of all users.",
	.argument_kind = ARGUMENTS_NONE,
	.options = options,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.run = run_list,
};
