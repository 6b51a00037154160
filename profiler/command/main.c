/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "command/commands.h"
#include "commands/command.h"

static const struct command *const commands[] = {&command_process,
						 &command_run,
						 &command_check,
						 &command_attach,
						 &command_detach,
						 &command_set,
						 &command_inspect_process,
						 &command_leaks,
						 &command_list,
						 &command_dump,
						 &command_top,
						 &command_watch,
						 &command_serve,
						 NULL};

static const char *const pprofconv_commands[] = {"convert", "diff",    "trend", "merge",   "top",
						 "info",    "formats", "html",  "inspect", NULL};

/* Answers a path in place of a command with the command that it probably wants. */
static int answer(const char *word)
{
	_cleanup_(freep) void *operand = shell_operand(word);
	struct stat status;

	if (!operand)
		return command_error("%s", strerror(ENOMEM));
	if (stat(word, &status) < 0 || !S_ISREG(status.st_mode))
		return EXIT_DONE;
	if (access(word, X_OK) == 0)
		return command_error("the command comes first: 'heapprof run %s'", (char *)operand);
	return command_error("%s is a file; type 'pprofconv top %s'", word, (char *)operand);
}

static const struct program program = {
	.name = "heapprof",
	.summary = "profile the heap of programs",
	.arguments = "COMMAND|PID [OPTION]... ARGUMENT...",
	.purpose = "Runs programs under the heap profiler, attaches to processes, and reads them.",
	.help_end =
		"'heapprof COMMAND --help' describes a command, 'heapprof --version' prints\n"
		"the version.\n"
		"Exit status of run and leaks: the program's own, or 2 if it was not run; of\n"
		"leaks also 23 where something leaked. Of check: 0 the program or process can be\n"
		"profiled, 1 it can't be, 2 that is not known. Of the others: 0 done, 2 an\n"
		"error.\n",
	.commands = commands,
	.other = PROGRAM,
	.other_commands = pprofconv_commands,
	.answer = answer,
	.end = command_symbolize_end,
	.man_arguments = "\\fICOMMAND\\fR|\\fIPID\\fR [\\fIOPTION\\fR]... \\fIARGUMENT\\fR...",
	.man_description = PROGRAMS_DIFFER
	"\n"
	".B heapprof\n"
	"runs programs with\n"
	".BR libheapprof (3)\n"
	"preloaded, which records their heap. It reports whether a program or process\n"
	"can be profiled, attaches to processes that were started without the library,\n"
	"lists those that have it, and reads the profiler's tables in their memory, once\n"
	"or again and again. To be read, a process is neither stopped nor changed.\n",
	.man_rest = heapprof_man_rest,
};

int main(int argc, char **argv)
{
	return program_main(&program, argc, argv);
}
