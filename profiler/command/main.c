/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/commands.h"
#include "commands/command.h"

static const struct command *const commands[] = {&command_run, &command_check, NULL};

static const char *const pprofconv_commands[] = {"convert", "diff", "trend",   "merge",
						 "top",     "info", "formats", NULL};

/* A path in the place of a command: a program is run, and a file is read by pprofconv. */
static int answer(const char *word)
{
	struct stat status;

	if (!word[strspn(word, "0123456789")])
		return command_error("the command comes first: 'heapprof check %s'", word);
	if (stat(word, &status) < 0 || !S_ISREG(status.st_mode))
		return EXIT_DONE;
	if (access(word, X_OK) == 0)
		return command_error("the command comes first: 'heapprof run %s'", word);
	return command_error("%s is a file; type 'pprofconv top %s'", word, word);
}

static const struct program program = {
	.name = "heapprof",
	.summary = "profile the heap of programs",
	.arguments = "COMMAND [OPTION]... ARGUMENT...",
	.purpose = "Runs programs under the heap profiler, and says which can be profiled.",
	.help_end =
		"'heapprof COMMAND --help' describes a command, 'heapprof --version' prints\n"
		"the version.\n"
		"Exit status: run has the program's own; else 0 done, 1 it can't be profiled, 2\n"
		"bad usage or bad input.\n",
	.commands = commands,
	.other = PROGRAM,
	.other_commands = pprofconv_commands,
	.answer = answer,
	.end = command_symbolize_end,
	.man_arguments = "\\fICOMMAND\\fR [\\fIOPTION\\fR]... \\fIARGUMENT\\fR...",
	.man_description = PROGRAMS_DIFFER
	"\n"
	"It runs programs with\n"
	".BR libheapprof (3)\n"
	"preloaded, so that their heap is recorded, and says of programs and processes\n"
	"whether that is possible.\n",
	.man_rest = heapprof_man_rest,
};

int main(int argc, char **argv)
{
	return program_main(&program, argc, argv);
}
