/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/commands.h"
#include "command/inspect_program.h"
#include "command/run/child.h"
#include "command/run/run_reader.h"
#include "command/run/run_report.h"
#include "command/run/run_settings.h"

/* --- after --------------------------------------------------------------------------------- */

#define NO_DUMP "no dump: see the library's message above if there is one; otherwise "

/* Names in one line the causes why there may be no dump, and what to do. */
static void explain_no_dump(const struct run_plan *plan, const char *name,
			    const struct program_facts *facts, int status)
{
	const char *program = program_base_name(facts->path);
	const char *wanted = getenv("HEAP_PROFILE_PROGRAM");

	if (!plan->is_place_known)
		command_error("no report: each process has its own folder of dumps, by the prefix "
			      "%s; 'pprofconv top' shows a dump",
			      plan->prefix);
	else if (wanted && *wanted)
		command_error(NO_DUMP "no program that ran matches HEAP_PROFILE_PROGRAM=%s, or it "
				      "was killed before its first dump or runs without LD_PRELOAD",
			      wanted);
	else if (run_is_wrapper(program) || run_is_wrapper(program_base_name(name)))
		command_error(NO_DUMP
			      "'%s' is not recorded, and it started no program, or one that "
			      "was killed before its first dump or runs without LD_PRELOAD; "
			      "to record '%s', set HEAP_PROFILE_PROGRAM=%s",
			      program, program, program);
	else if (WIFSIGNALED(status))
		command_error(NO_DUMP "%s (signal %d) ended the program before its first dump; "
				      "HEAP_PROFILE_ALLOCATION_INTERVAL=64K writes dumps earlier",
			      strsignal(WTERMSIG(status)), WTERMSIG(status));
	else
		command_error(NO_DUMP "the program did not load the library, or ended without "
				      "exit(3); 'WHY IS THERE NO FILE' in heapprof-server(7) "
				      "lists the causes");
}

/* Says that there is no dump, and removes the temporary folder, unless processes of the run may
 * still write to it. */
static void report_no_dump(const struct run_plan *plan, const char *name,
			   const struct program_facts *facts, const process_vec *survivors,
			   int status)
{
	if (survivors->n) {
		command_error("no dump yet; the dumps will be in %s", plan->place.folder);
		run_report_print_survivors(survivors);
		return;
	}
	explain_no_dump(plan, name, facts, status);
	if (plan->is_temporary)
		rmdir(plan->place.folder);
}

static void report(const struct run_plan *plan, const char *name, const struct program_facts *facts,
		   const dump_file_vec *old, int status)
{
	process_vec survivors = {0};
	dump_file_vec files = {0};
	int r = plan->is_place_known ? process_find_recording(plan->prefix, &survivors) : 0;

	if (!r && plan->is_place_known)
		r = dump_files_list(&plan->place, old, &files);
	if (r) {
		command_error("%s: %s", plan->place.folder, strerror(-r));
	} else if (!files.n) {
		report_no_dump(plan, name, facts, &survivors, status);
	} else {
		struct dump_run run = dump_files_choose(&files);

		run_report_print(plan->place.folder, &run, &survivors, plan->every_seconds,
				 plan->settings->html);
	}
	vec_deinit(&files);
	vec_deinit(&survivors);
}

/* --- both ---------------------------------------------------------------------------------- */

/* Runs the program and reports on its dumps. Returns the program's exit status. */
static int run_and_report(struct run_plan *plan, char **argv, const struct program_facts *facts)
{
	struct run_reader *reader = run_reader_new(plan);
	struct child_events events;
	dump_file_vec old = {0};
	int status, r;

	if (!reader)
		return command_error("%s", strerror(errno));
	if (!plan->is_temporary && plan->is_place_known)
		dump_files_list(&plan->place, NULL, &old);
	events = run_reader_events(reader);
	r = child_run(argv, run_plan_set_environment, plan, &events, &status);
	run_reader_free(reader);
	signal(SIGPIPE, SIG_IGN); /* a report that nobody reads must not change the exit status */
	if (r) {
		command_error("%s: %s", argv[0], strerror(-r));
		if (plan->is_temporary)
			rmdir(plan->place.folder);
	} else {
		report(plan, argv[0], facts, &old, status);
	}
	vec_deinit(&old);
	if (r)
		return EXIT_BAD;
	r = plan->leaks ? leak_server_finish(plan->leaks, EXIT_DONE) : EXIT_DONE;
	return r ? r : child_pass_on(status);
}

static int run_program(const struct settings *common)
{
	struct program_facts facts;
	struct run_plan plan;
	int program, status;

	if (!common->n_inputs)
		return command_error("expected a program to run; see 'heapprof run --help'");
	program = program_check(common->inputs[0], &facts);
	status = run_plan_init(&plan, SETTINGS_OF(struct run_settings, common));
	if (program || status)
		status = EXIT_BAD;
	else
		status = run_plan_make_folders(&plan);
	if (!status)
		status = run_and_report(&plan, common->inputs, &facts);
	run_plan_deinit(&plan);
	return status;
}

static const struct option_row options[] = {
	{"dumps", 'd', OPTION_TEXT, offsetof(struct run_settings, dumps), "PREFIX",
	 "Writes the dumps to PREFIX.0001.heap and so on. If PREFIX is a folder, the dumps are "
	 "named "
	 "after the program and written there. The default is the value of HEAPPROFILE, or a new "
	 "temporary folder, which the report names."},
	{"exact", 'x', OPTION_FLAG, offsetof(struct run_settings, is_exact), NULL,
	 "Records every allocation instead of a sample."},
	{"interval", 'i', OPTION_SIZE, offsetof(struct run_settings, interval), "SIZE",
	 "The mean number of allocated bytes between two samples, such as 64K. By default it rises "
	 "with the number of samples, from 1, at which every allocation is recorded, to 512K; see "
	 "auto in libheapprof(3). HEAP_PROFILE_SAMPLE_INTERVAL changes the default."},
	{"every", 'e', OPTION_TEXT, offsetof(struct run_settings, every), "TIME",
	 "Writes a dump of each process every TIME, such as 60s, 5m or 1h, instead of by the bytes "
	 "that are allocated. These dumps are made from outside, also while the program allocates "
	 "nothing. The first and the newest of each process stay, 200 in total."},
	{"html", 0, OPTION_TEXT, offsetof(struct run_settings, html), "FILE",
	 "Writes a page about the dumps to FILE at the end, as 'pprofconv html' does."},
	OPTION_ROW_HELP,
	{0},
};

static const struct run_settings defaults = {.interval = INTERVAL_NOT_GIVEN};

const struct command command_run = {
	.name = "run",
	.arguments = "[--] COMMAND...",
	.summary = "run a program, record its heap, and report what grew",
	.description =
		"Checks first whether COMMAND can be profiled; if not, run prints why and "
		"does not start it. COMMAND's input, output, signals and exit status are "
		"unchanged. When it has ended, five lines on standard error report what was "
		"in use, what grew most, and which commands show more. A run of any length "
		"leaves at most 64 dumps of each process, unless --every is given. Shells, make, "
		"timeout and other "
		"programs that start programs are not recorded, but the programs that they "
		"start are; HEAP_PROFILE_PROGRAM overrides this choice. The report is about the "
		"process that wrote the most dumps. While COMMAND runs, other commands of this "
		"user "
		"can read its processes, which the kernel may allow their ancestor alone. "
		"Settings of libheapprof(3) in the "
		"environment are kept. With HEAPCHECK=normal or HEAPCHECK=strict in it, run also "
		"does what leaks does, without or with --strict. If COMMAND is not started, the "
		"exit status is 2.",
	.argument_kind = ARGUMENTS_COMMAND,
	.options = options,
	.defaults = &defaults.common,
	.settings_size = sizeof(defaults),
	.run = run_program,
};
