/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/commands.h"
#include "command/find_library.h"
#include "command/inspect_program.h"
#include "command/leaks/leak_server.h"
#include "command/run/child.h"
#include "command/run/preload_link.h"
#include "command/run/run_settings.h"

#define EXIT_CODE_MAX 255

struct leaks_run {
	struct leak_server *server;
	char library[PATH_MAX]; /* for LD_PRELOAD */
};

/* Sets the environment of this process, which is the child: every allocation is recorded, and no
 * dump is written. */
static void prepare(const void *context)
{
	const struct leaks_run *run = context;

	prctl(PR_SET_PTRACER, getppid()); /* whose helper stops it: see target/stop.h */
	run_preload(run->library);
	unsetenv("HEAPPROFILE");
	unsetenv("HEAPPROF_OWNER");
	setenv("HEAP_PROFILE_SAMPLE_INTERVAL", "1", true /* overwrite */);
	setenv("HEAP_PROFILE_MEMORY_LIMIT", "16G", false /* keep */);
	run_leave_out_wrappers();
	leak_server_set_environment(run->server);
}

static void note_start(void *context, pid_t child)
{
	leak_server_start(context, child);
}

static void work(void *context)
{
	leak_server_work(context);
}

static int run_and_look(struct leaks_run *run, char **argv)
{
	const struct child_events events = {leak_server_fd(run->server), note_start, work,
					    run->server};
	int status, r = child_run(argv, prepare, run, &events, &status);

	signal(SIGPIPE, SIG_IGN); /* a report that nobody reads must not change the exit status */
	if (r)
		return command_error("%s: %s", argv[0], strerror(-r));
	if (!WIFSIGNALED(status))
		return leak_server_finish(run->server, WEXITSTATUS(status));
	r = leak_server_finish(run->server, EXIT_DONE);
	return r ? r : child_pass_on(status);
}

static int run_leaks(const struct settings *common)
{
	const struct leaks_settings *settings = SETTINGS_OF(struct leaks_settings, common);
	struct leaks_run run = {0};
	struct program_facts facts;
	int status;

	if (!common->n_inputs)
		return command_error("expected a program to run; see 'heapprof leaks --help'");
	if (settings->exit_code > EXIT_CODE_MAX)
		return command_error("--exit-code: out of range; expected 0 to %d", EXIT_CODE_MAX);
	status = program_check(common->inputs[0], &facts);
	status = status ? status : library_find(run.library);
	status = status ? status : preload_link_replace(run.library);
	status = status ? status : leak_server_new(settings, &run.server);
	status = status ? status : run_and_look(&run, common->inputs);
	leak_server_free(run.server);
	return status;
}

static const struct option_row options[] = {
	{"exit-code", 0, OPTION_COUNT, offsetof(struct leaks_settings, exit_code), "N",
	 "The exit status where a process has leaked. 0 keeps the program's own. The default is "
	 "23."},
	{"suppressions", 's', OPTION_TEXTS, offsetof(struct leaks_settings, suppressions), "FILE",
	 "Leaves out leaks whose stack has a function, source file or library on this list, in "
	 "LeakSanitizer's format: lines of leak:PATTERN. May be given several times."},
	{"log-file", 'o', OPTION_TEXT, offsetof(struct leaks_settings, log_file), "FILE",
	 "Writes reports to FILE instead of standard error. %p in it stands for the ID of the "
	 "process that a report is about; without it, FILE gets the reports of all processes."},
	{"after", 'a', OPTION_TEXT, offsetof(struct leaks_settings, after), "TIME",
	 "Looks at all processes also when TIME has passed, such as 60s or 5m, while they run."},
	{"strict", 0, OPTION_FLAG, offsetof(struct leaks_settings, is_strict), NULL,
	 "Looks after the destructors and the handlers of atexit(3) instead of before, so that "
	 "what they lose counts."},
	OPTION_ROW_QUIET,
	OPTION_ROWS_SYMBOLS,
	OPTION_ROW_HELP,
	{0},
};

const struct leaks_settings leaks_defaults = {
	.exit_code = LEAKS_EXIT_CODE,
};

const struct command command_leaks = {
	.name = "leaks",
	.arguments = "[--] COMMAND...",
	.summary = "run a program, and report what it has lost at its end",
	.description =
		"Runs COMMAND, records every allocation, and looks at each process when it is "
		"about to end, before destructors run: which recorded blocks are there to which no "
		"pointer leads. Reports have the form of LeakSanitizer's. A leak is direct, or "
		"indirect if another lost block points to it. Processes that COMMAND forks or "
		"executes are looked at each by itself, except shells, make and others that "
		"'heapprof run' does not record, either. The program is not rebuilt. Its input, "
		"output and signals are unchanged, and so is its exit status unless something "
		"leaked. See LEAKS below.",
	.argument_kind = ARGUMENTS_COMMAND,
	.options = options,
	.defaults = &leaks_defaults.common,
	.settings_size = sizeof(leaks_defaults),
	.run = run_leaks,
};
