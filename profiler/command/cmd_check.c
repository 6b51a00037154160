/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "command/attach/attach_session.h"
#include "command/commands.h"
#include "command/find_library.h"
#include "command/find_target.h"
#include "command/inspect_process.h"
#include "command/inspect_program.h"
#include "command/run/run_settings.h"
#include "commands/outside.h"

enum { /* exit statuses of check */
	CHECK_CAN_BE = EXIT_DONE,
	CHECK_CAN_NOT = 1,
	CHECK_UNKNOWN = EXIT_BAD,
};

#define TEXT_MAX (4 * PATH_MAX)

/* Prints a line on standard output; returns `status`. */
static int say(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int say(int status, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	utf8_print(text, stdout);
	putchar('\n');
	return status;
}

/* Returns whether there is a library to preload; if not, prints the error. */
static bool has_library(void)
{
	char library[PATH_MAX];

	return library_find(library) == EXIT_DONE;
}

/* --- programs ------------------------------------------------------------------------------ */

/* Says how to run a program that can be profiled. `operand` is its name in a command line. */
static int say_can_be(const struct program_facts *facts, const char *name, const char *operand)
{
	const char *program = program_base_name(facts->path);
	_cleanup_(freep) void *word = shell_word(program);

	if (!word)
		return command_error("%s", strerror(ENOMEM));
	if (!run_leaves_out(facts->path, facts->is_script ? program : name))
		return say(CHECK_CAN_BE, "%s can be profiled; type 'heapprof run %s'", name,
			   operand);
	return say(CHECK_CAN_BE,
		   "%s can be profiled, but 'heapprof run' records only the programs that %s "
		   "starts; to record %s itself, type 'HEAP_PROFILE_PROGRAM=%s heapprof run %s'",
		   name, program, program, (char *)word, operand);
}

static int check_program(const char *name)
{
	_cleanup_(freep) void *operand = shell_operand(name);
	struct program_facts facts;
	char path[PATH_MAX], text[TEXT_MAX];

	if (!operand)
		return command_error("%s", strerror(ENOMEM));
	if (program_find(name, path) == -ENOENT)
		return command_error("no program or process is named '%s'; check the name", name);
	program_inspect(path, &facts);
	if (facts.kind == PROGRAM_CAN_BE_PROFILED)
		return has_library() ? say_can_be(&facts, name, operand) : CHECK_CAN_NOT;
	program_describe(&facts, name, text, sizeof(text));
	return say(facts.kind == PROGRAM_UNREADABLE || facts.kind == PROGRAM_MISSING
			   ? CHECK_UNKNOWN
			   : CHECK_CAN_NOT,
		   "%s", text);
}

/* --- processes ----------------------------------------------------------------------------- */

/* "4711 (app)" */
static void name_process(const struct process_facts *facts, char *out, size_t size)
{
	const char *program = program_base_name(facts->program);

	snprintf(out, size, *program ? "%d (%s)" : "%d", facts->pid, program);
}

static int say_left_out(const struct process_facts *facts, const char *name)
{
	_cleanup_(freep) void *program = shell_word(program_base_name(facts->program));

	if (!program)
		return command_error("%s", strerror(ENOMEM));
	return say(CHECK_CAN_BE,
		   "%s is left out by HEAP_PROFILE_PROGRAM; restart it with "
		   "HEAP_PROFILE_PROGRAM=%s, or let it call HeapProfilerStart()",
		   name, (char *)program);
}

/* Returns whether the process records. Its environment does not always say so: some servers, such
 * as redis and nginx, write the text of their title over it. */
static bool is_recorded(const struct process_facts *facts)
{
	struct diag diag = {0};
	size_t size;
	char *text = NULL;
	int task, r = outside_read_process(facts->pid, &task, &text, &size, &diag);

	free(text);
	diag_deinit(&diag);
	return r == 0;
}

static int say_loaded(const struct process_facts *facts, const char *name)
{
	if (!facts->prefix[0] && is_recorded(facts))
		return say(CHECK_CAN_BE, "%s is being profiled; 'heapprof top %d' shows it", name,
			   facts->pid);
	if (!facts->is_environment_known)
		return say(CHECK_CAN_BE, "%s has loaded libheapprof.so", name);
	if (facts->prefix[0] && facts->is_left_out)
		return say_left_out(facts, name);
	if (facts->prefix[0])
		return say(CHECK_CAN_BE, "%s is being profiled; its dumps begin with %s", name,
			   facts->prefix);
	return say(CHECK_CAN_BE,
		   "%s has loaded libheapprof.so, but HEAPPROFILE was unset when it started; "
		   "restart it with 'heapprof run', or let it call HeapProfilerStart()",
		   name);
}

/* `why` is the reason why it can't be attached to. */
static int say_restart(const struct process_facts *facts, const char *name, const char *why)
{
	const char *program = program_base_name(facts->program);
	_cleanup_(freep) void *word = shell_word(program);

	if (!word)
		return command_error("%s", strerror(ENOMEM));
	if (run_leaves_out(facts->program, program))
		return say(CHECK_CAN_BE,
			   "%s can be profiled from its start only; restart it with "
			   "'HEAP_PROFILE_PROGRAM=%s heapprof run', since run records only the "
			   "programs that it starts (attach: %s)",
			   name, (char *)word, why);
	return say(CHECK_CAN_BE,
		   "%s can be profiled from its start only; restart it with 'heapprof run' "
		   "(attach: %s)",
		   name, why);
}

/* Says whether a process that was started without the library can be attached to. */
static int say_attach(const struct process_facts *facts, const char *name)
{
	_cleanup_(freep) void *memory = malloc(sizeof(struct process_facts));
	enum attach_state state;
	struct found_target target;
	char why[512];

	if (!memory)
		return command_error("%s", strerror(ENOMEM));
	if (target_open(facts->pid, &target, memory))
		return command_error("no process %d", facts->pid);
	state = attach_check(&target, why, sizeof(why));
	found_target_deinit(&target);
	if (state == ATTACH_DONE)
		return say(CHECK_CAN_BE, "%s is attached; 'heapprof top %d' shows it", name,
			   facts->pid);
	if (state == ATTACH_POSSIBLE)
		return say(CHECK_CAN_BE, "%s can be profiled; type 'heapprof %d'", name,
			   facts->pid);
	return has_library() ? say_restart(facts, name, why) : CHECK_CAN_NOT;
}

static int check_executable(const struct process_facts *facts, const char *name)
{
	char text[TEXT_MAX];

	if (facts->executable.kind != PROGRAM_CAN_BE_PROFILED) {
		program_describe(&facts->executable, name, text, sizeof(text));
		return say(CHECK_CAN_NOT, "%s", text);
	}
	if (facts->status.seccomp == 1)
		return say(CHECK_CAN_NOT,
			   "%s has a strict seccomp filter, so it can't write dumps; start it "
			   "without the filter",
			   name);
	return say_attach(facts, name);
}

/* Prints notes on facts that do not change the answer but may surprise. */
static void say_notes(const struct process_facts *facts, const char *name)
{
	if (facts->status.tracer)
		say(0, "note: %s is traced by process %d, perhaps a debugger", name,
		    facts->status.tracer);
	if (facts->status.state == 'T')
		say(0, "note: %s is stopped", name);
	if (facts->status.seccomp == 2)
		say(0,
		    "note: %s has a seccomp filter; if the filter forbids opening files, no dump "
		    "can be written",
		    name);
}

/* Returns whether the kernel refused what the answer needs: the mappings or, if the library is not
 * among them, the executable. */
static bool is_refused(const struct process_facts *facts)
{
	int error = facts->maps_error;

	if (!error && !facts->has_library && !facts->program[0])
		error = facts->executable.error;
	return error == EACCES || error == EPERM;
}

/* Explains why the process's files in /proc can't be read. */
static int explain_rights(const struct process_facts *facts, const char *name)
{
	if (geteuid() == 0)
		return command_error("%s: no right to look at it: root lacks CAP_SYS_PTRACE here, "
				     "as in a container; give it that, or run this outside",
				     name);
	if (facts->status.uid == geteuid())
		return command_error("%s: no right to look at it: it hides its memory "
				     "(PR_SET_DUMPABLE), or has rights of its own; run this as "
				     "root",
				     name);
	return command_error("%s: the process belongs to user %u; run this as that user or as root",
			     name, facts->status.uid);
}

static int check_running(const struct process_facts *facts, const char *name)
{
	int status;

	if (is_refused(facts))
		return explain_rights(facts, name);
	if (facts->maps_error)
		return command_error("%s: %s", name, strerror(facts->maps_error));
	status = facts->has_library ? say_loaded(facts, name) : check_executable(facts, name);
	say_notes(facts, name);
	return status;
}

static int check_process(pid_t pid)
{
	_cleanup_(freep) void *memory = malloc(sizeof(struct process_facts));
	struct process_facts *facts = memory;
	char name[PATH_MAX];

	if (!facts)
		return command_error("%s", strerror(ENOMEM));
	if (process_inspect(pid, facts))
		return command_error("no process %d", pid);
	name_process(facts, name, sizeof(name));
	if (facts->status.group != pid)
		return command_error("%d is a thread of process %d; type 'heapprof check %d'", pid,
				     facts->status.group, facts->status.group);
	if (facts->status.state == 'Z' || facts->status.state == 'X')
		return say(CHECK_CAN_NOT,
			   "%s has ended and is a zombie: its parent has not waited for it", name);
	if (!facts->status.has_memory)
		return say(CHECK_CAN_NOT, "%s is a kernel thread and has no heap", name);
	return check_running(facts, name);
}

/* --- targets ------------------------------------------------------------------------------- */

static int check_name(const char *name)
{
	process_vec found = {0};
	int r = process_find(name, &found);
	int status = r ? command_error("/proc: %s", strerror(-r)) : EXIT_DONE;

	if (!status && found.n > 1) {
		command_error("%zu processes are named '%s'; give the ID of one, or the path of "
			      "the program:",
			      found.n, name);
		vec_foreach (pid, &found)
			say(0, "heapprof check %d", *pid);
		status = CHECK_UNKNOWN;
	} else if (!status) {
		status = found.n ? check_process(found.items[0]) : check_program(name);
	}
	vec_deinit(&found);
	return status;
}

static int run_check(const struct settings *settings)
{
	pid_t pid;

	if (settings->n_inputs != 1)
		return command_error("expected one program or process; see 'heapprof check "
				     "--help'");
	if (!*settings->inputs[0])
		return command_error("the name is empty; give a program, or a process or its name");
	if (target_parse_id(settings->inputs[0], &pid))
		return check_process(pid);
	return strchr(settings->inputs[0], '/') ? check_program(settings->inputs[0])
						: check_name(settings->inputs[0]);
}

static const struct option_row options[] = {OPTION_ROW_HELP, {0}};

static const struct settings defaults = {0};

const struct command command_check = {
	.name = "check",
	.arguments = "PROGRAM|PID|NAME",
	.summary = "report whether a program or process can be profiled, and how",
	.description =
		"Prints one line: that the program or process can be profiled and what to "
		"type, or why it can't be and what to do. It also says if 'heapprof run' would "
		"record only the programs that it starts, as with a shell. Nothing is changed: "
		"check reads a "
		"program's first bytes, and a process's files in /proc. NAME is the name of "
		"a running process's executable; only root's check finds those of other "
		"users. If several processes have the name, check lists them. If none has "
		"it, NAME is a program in PATH. The exit status is 0 if the program or "
		"process can be profiled, 1 if not, 2 if that is not known.",
	.argument_kind = ARGUMENTS_TARGET,
	.options = options,
	.defaults = &defaults,
	.settings_size = sizeof(defaults),
	.run = run_check,
};
