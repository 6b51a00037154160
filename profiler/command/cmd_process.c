/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/input.h"
#include "command/attach/attach_session.h"
#include "command/commands.h"
#include "command/duration.h"
#include "command/end_signals.h"
#include "command/next_command.h"
#include "command/top/top_screen.h"
#include "command/top/top_text.h"
#include "commands/compare.h"

struct process_settings {
	struct settings common;
	const char *every, *pools;
	uint64_t n_rounds, n_lines;
	bool stacks;
};

static int prepare(const struct process_settings *settings, struct top_session *session)
{
	const char *every = settings->every ? settings->every : "5s";

	*session = (struct top_session){
		.settings = &settings->common,
		.choice = {.order = TOP_BY_GROWTH, .hidden = true, .stacks = settings->stacks},
		.n_rounds = settings->n_rounds,
		.n_lines = settings->n_lines,
		.only_growth = true,
	};
	if (!duration_parse(every, &session->every_seconds))
		return command_error("--every: invalid time '%s'; expected one such as 5s or 1m",
				     every);
	session->end_fd = end_signals_begin();
	return session->end_fd < 0 ? command_error("%s", strerror(-session->end_fd)) : EXIT_DONE;
}

/* Returns whether the process can be read as it is: this program may lack the right to change it.
 */
static bool is_read(const struct found_target *target)
{
	struct diag diag = {0};
	struct reading reading;
	int r = reading_try(&reading, target, &diag);

	reading_deinit(&reading);
	diag_deinit(&diag);
	return !r;
}

/* Attaches to a process that was started without the library. Sets *out_is_ours if that was done.
 */
static int attach(const struct top_session *session, const struct process_settings *settings,
		  bool *out_is_ours)
{
	const struct found_target *target = &session->target;
	struct attach_wish wish = {.is_quiet = settings->common.quiet};
	char why[512];
	int status = attach_parse_pools(settings->pools, &wish);

	*out_is_ours = false;
	if (status)
		return status;
	switch (attach_check(target, why, sizeof(why))) {
	case ATTACH_POSSIBLE:
		status = attach_begin(target, &wish);
		*out_is_ours = !status;
		return status;
	case ATTACH_DONE:
		if (!settings->common.quiet)
			command_error("%d is attached already, and stays so; 'heapprof detach %d' "
				      "ends that",
				      target->pid, target->pid);
		return EXIT_DONE;
	case ATTACH_HAS_LIBRARY:
		return EXIT_DONE;
	case ATTACH_UNKNOWN:
	case ATTACH_REFUSED:
		break;
	}
	return is_read(target) ? EXIT_DONE : command_error("%s: %s", session->name, why);
}

static int run_rounds(struct top_session *session)
{
	const regex_t *hide;
	regex_t regex;
	int status = compare_compile("hide", TOP_HIDE, &regex, &hide);

	if (status)
		return status;
	top_model_init(&session->model, session->settings, hide);
	cgroup_mount_find(&session->cgroups);
	setlocale(LC_CTYPE, "");
	status = session->n_rounds || !top_screen_is_possible() ? top_text_run(session)
								: top_screen_run(session);
	top_session_deinit(session);
	regfree(&regex);
	return status;
}

/* Prints the command that shows more. */
static int print_next(const struct process_settings *settings, const struct top_session *session)
{
	char id[16];

	snprintf(id, sizeof(id), "%d", session->target.pid);
	if (session->has_ended || settings->common.quiet)
		return EXIT_DONE;
	if (settings->stacks)
		return next_command_heapprof(stderr, "dump", (char *[]){id}, 1);
	return next_command_heapprof(stderr, id, (char *[]){"--stacks"}, 1);
}

/* Ends by SIGPIPE, as programs do whose output nobody reads. */
static int end_by_pipe(void)
{
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
	return EXIT_BAD;
}

/* The target is open. */
static int show(const struct process_settings *settings, struct top_session *session)
{
	int status, end_status = EXIT_DONE;
	bool is_ours;

	found_target_name(&session->target, session->name, sizeof(session->name));
	status = attach(session, settings, &is_ours);
	if (status)
		return status;
	status = run_rounds(session);
	if (is_ours && !session->has_ended)
		end_status = attach_end_all(&session->target, settings->common.quiet);
	if (session->is_output_closed)
		return end_by_pipe();
	if (!status)
		status = print_next(settings, session);
	return status ? status : end_status;
}

static int run_process(const struct settings *common)
{
	const struct process_settings *settings = SETTINGS_OF(struct process_settings, common);
	struct settings of_rounds = *common;
	struct top_session session;
	int status;

	of_rounds.quiet = true; /* each round would repeat its warnings */
	status = prepare(settings, &session);
	session.settings = &of_rounds;
	if (!status)
		status = target_find_only(common, "", &session.target);
	if (status)
		return status;
	status = show(settings, &session);
	found_target_deinit(&session.target);
	return status;
}

static const struct option_row options[] = {
	{"stacks", 0, OPTION_FLAG, offsetof(struct process_settings, stacks), NULL,
	 "Shows a row for each stack instead of each function."},
	{"every", 'e', OPTION_TEXT, offsetof(struct process_settings, every), "TIME",
	 "The time between two readings, such as 10s or 1m. The default is 5s."},
	{"rounds", 'r', OPTION_COUNT, offsetof(struct process_settings, n_rounds), "N",
	 "Prints N rounds as text and ends; 0 goes on until Ctrl-C or the end of the process."},
	{"lines", 'l', OPTION_COUNT, offsetof(struct process_settings, n_lines), "N",
	 "Prints the first N rows of a round; 0 prints all. The default is 10. The screen shows "
	 "all."},
	ATTACH_ROW_POOLS(offsetof(struct process_settings, pools)),
	OPTION_ROW_QUIET,
	OPTION_ROWS_SYMBOLS,
	OPTION_ROW_HELP,
	{0},
};

static const struct process_settings defaults = {
	.common.max_input_bytes = INPUT_BYTES_LIMIT,
	.n_lines = 10,
};

const struct command command_process = {
	.name = "PID",
	.arguments = "",
	.summary = "show what grows in a process, attaching to it if needed",
	.description =
		"PID is a process ID, which comes first: 'heapprof 4711'. If the process was "
		"started without libheapprof, attaches to it first, as attach does, and detaches "
		"at the end. Reads the process every "
		"five seconds, from outside, and shows which functions hold more than at the "
		"first reading, each with a sentence: how much, in blocks of which size, how "
		"often, where that leads, and which callers it comes from. Growth within the error "
		"of sampling is not shown. On "
		"a terminal this is the screen of 'heapprof top'; the key s shows stacks. "
		"Elsewhere "
		"rounds are printed as text. It ends at Ctrl-C, by SIGTERM or SIGHUP, or with the "
		"process. The last line is a command that shows more.",
	.argument_kind = ARGUMENTS_NONE,
	.options = options,
	.defaults = &defaults.common,
	.settings_size = sizeof(defaults),
	.run = run_process,
	.is_for_ids = true,
};
