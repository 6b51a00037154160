/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/input.h"
#include "command/commands.h"
#include "command/duration.h"
#include "command/find_target.h"
#include "commands/inspect_graph.h"
#include "target/proc_files.h"

struct rounds {
	const struct inspect_settings *settings;
	const struct found_target *target;
	char name[NAME_MAX + 32];
	uint64_t every_seconds;
	uint64_t n_rounds; /* 0: not limited */
	struct mappings_look first;
};

/* Sets *out_has_ended if the process has. Prints other errors; returns the exit status. */
static int look(const struct rounds *rounds, struct mappings_look *out, bool *out_has_ended)
{
	struct target_work work = {.pid = rounds->target->pid, .fd = -1};
	struct diag diag = {.file = rounds->name};
	int r;

	hp_apart_user_of_process(work.pid, &work.user);
	r = mappings_look_init(out, &work, rounds->settings->show_content, &diag);
	*out_has_ended = found_target_has_ended(rounds->target);
	if (!*out_has_ended)
		diag_print(&diag, program_name(), true /* warnings */, stderr);
	diag_deinit(&diag);
	return r && !*out_has_ended ? EXIT_BAD : EXIT_DONE;
}

/* Returns false if the process ends before the time is over. */
static bool wait_round(const struct rounds *rounds)
{
	struct pollfd end = {.fd = rounds->target->pidfd, .events = POLLIN};
	uint64_t ms = rounds->every_seconds * 1000;

	while (poll(&end, 1, ms > INT_MAX ? INT_MAX : (int)ms) < 0 && errno == EINTR)
		;
	return !end.revents;
}

/* Makes one look and prints it. The first one is kept. */
static int make_round(struct rounds *rounds, uint64_t number, bool *out_has_ended)
{
	struct mappings_look now;
	int status = look(rounds, &now, out_has_ended);

	if (status || *out_has_ended) {
		mappings_look_deinit(&now);
		return status;
	}
	if (number > 0 && strcmp(rounds->settings->format, "text") == 0)
		putchar('\n');
	fflush(stdout);
	status = inspect_print_mappings(rounds->settings, rounds->name, &now,
					number > 0 ? &rounds->first : NULL);
	if (number == 0)
		rounds->first = now;
	else
		mappings_look_deinit(&now);
	return status;
}

static int run_rounds(struct rounds *rounds)
{
	bool has_ended = false;
	int status = EXIT_DONE;

	for (uint64_t i = 0; !status && (!rounds->n_rounds || i < rounds->n_rounds); i++) {
		if (i > 0 && !wait_round(rounds))
			has_ended = true;
		else
			status = make_round(rounds, i, &has_ended);
		if (has_ended) {
			command_error("%s: the process has ended", rounds->name);
			return i ? EXIT_DONE : EXIT_BAD;
		}
	}
	return status;
}

#define GRAPH_BYTES_A_SECOND 1e9 /* that are searched for pointers; fewer if most are some */

static double resident_bytes(pid_t pid)
{
	char *text, *size;
	double pages;

	if (hp_proc_read_process(pid, "statm", &text) < 0)
		return 0;
	size = strchr(text, ' '); /* after the size of all mappings */
	pages = size ? (double)strtoull(size, NULL, 10) : 0;
	free(text);
	return pages * (double)sysconf(_SC_PAGESIZE);
}

/* Says how long the process will be stopped. It takes longer the more pointers there are. */
static void announce_stop(const struct found_target *target, const char *name, uint64_t max_stop_ms)
{
	double seconds = resident_bytes(target->pid) / GRAPH_BYTES_A_SECOND;

	if (seconds >= 0.1)
		command_error("%s: stopping it for about %.1f seconds, at most %.0f; Ctrl-C lets "
			      "it go at once",
			      name, seconds, (double)max_stop_ms / 1000);
}

static int run_graph(const struct inspect_settings *settings, const struct found_target *target)
{
	struct target_work work = {.pid = target->pid, .fd = -1};
	struct inspect_settings own = *settings;
	char name[NAME_MAX + 32];
	uint64_t seconds;

	if (settings->every || settings->n_rounds)
		return command_error("--every and --rounds need --mappings");
	if (!duration_parse(settings->max_stop, &seconds))
		return command_error("--max-stop: invalid time '%s'; expected one such as 5s",
				     settings->max_stop);
	own.max_stop_ms = seconds * 1000;
	found_target_name(target, name, sizeof(name));
	announce_stop(target, name, own.max_stop_ms);
	hp_apart_user_of_process(work.pid, &work.user);
	return inspect_graph(&own, &work, name, NULL);
}

static int prepare(const struct inspect_settings *settings, struct rounds *rounds)
{
	int status = inspect_check(settings);

	*rounds = (struct rounds){.settings = settings, .n_rounds = settings->n_rounds};
	if (status)
		return status;
	if (!settings->every) {
		if (settings->n_rounds > 1)
			return command_error("--rounds needs --every, the time between two looks");
		rounds->n_rounds = 1;
	} else if (!duration_parse(settings->every, &rounds->every_seconds)) {
		return command_error("--every: invalid time '%s'; expected one such as 5s or 5m",
				     settings->every);
	}
	return EXIT_DONE;
}

static int run_inspect(const struct settings *common)
{
	const struct inspect_settings *settings = SETTINGS_OF(struct inspect_settings, common);
	struct found_target target;
	struct rounds rounds;
	int status = prepare(settings, &rounds);

	if (!status)
		status = target_find_only(common, "inspect", &target);
	if (status)
		return status;
	if (settings->graph) {
		status = run_graph(settings, &target);
		found_target_deinit(&target);
		return status;
	}
	rounds.target = &target;
	found_target_name(&target, rounds.name, sizeof(rounds.name));
	status = run_rounds(&rounds);
	mappings_look_deinit(&rounds.first);
	found_target_deinit(&target);
	return status;
}

static const struct option_row options[] = {
	INSPECT_ROW_MAPPINGS("Shows the memory that the process has mapped, by what it is for. The "
			     "process needs nothing for it."),
	{"every", 'e', OPTION_TEXT, offsetof(struct inspect_settings, every), "TIME",
	 "Looks again each time that this time has passed, such as 5s or 10m, and shows what has "
	 "grown since the first look, until the process ends."},
	{"rounds", 'r', OPTION_COUNT, offsetof(struct inspect_settings, n_rounds), "N",
	 "Ends after N looks; 0 goes on until the process ends."},
	INSPECT_ROW_GRAPH,
	{"max-stop", 0, OPTION_TEXT, offsetof(struct inspect_settings, max_stop), "TIME",
	 "Lets the process go after that time, and shows then what can be shown without the graph. "
	 "The default is 2s."},
	INSPECT_ROW_MEMORY,
	INSPECT_ROW_SHOW_CONTENT,
	INSPECT_ROW_FORMAT,
	INSPECT_ROW_LINES,
	OPTION_ROW_COLOR,
	OPTION_ROWS_SYMBOLS,
	OPTION_ROW_QUIET,
	OPTION_ROW_HELP,
	{0},
};

static const struct inspect_settings defaults = {
	.common.max_input_bytes = INPUT_BYTES_LIMIT,
	.format = "text",
	.n_lines = 6,
	.memory_max = INSPECT_MEMORY_MAX,
	.max_stop = "2s",
};

const struct command command_inspect_process = {
	.name = "inspect",
	.arguments = "PID|NAME",
	.summary = "show what the memory of a process is for, and what is lost",
	.description =
		"Shows the memory of a process, from outside. With --graph, for a program that "
		"heapprof records: which blocks are lost, as no path of pointers leads to them "
		"from a variable, a thread or other memory, and who holds the others. The process "
		"is stopped for it. At least as much is lost as is shown: an old pointer that "
		"was never overwritten holds a block, too. With --mappings, for any process, "
		"while it runs: of which kind its memory is, how much of it is in memory, is "
		"written, is in swap space, was never "
		"touched "
		"or is in huge pages, and which share of its bytes is zero. A ? marks what is "
		"guessed "
		"from where a mapping is. Memory that was never touched is not read. Of more than "
		"1G, the share of zeros is that of a part, spread evenly.",
	.argument_kind = ARGUMENTS_TARGET,
	.options = options,
	.defaults = &defaults.common,
	.settings_size = sizeof(defaults),
	.run = run_inspect,
};
