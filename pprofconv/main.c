/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <string.h>

#include "commands/bus_error.h"
#include "commands/commands.h"

static const struct command *const commands[] = {
	&command_convert, &command_diff, &command_trend,   &command_html,    &command_merge,
	&command_top,     &command_info, &command_formats, &command_inspect, NULL,
};

static const char *const heapprof_commands[] = {"check", "dump",    "list",   "run",
						"serve", "watch",   "attach", "detach",
						"set",   "inspect", "leaks",  NULL};

/* A number that does not name a file is probably a process ID. */
static int answer(const char *word)
{
	if (word[strspn(word, "0123456789")])
		return EXIT_DONE;
	return command_error("no file '%s'; to read that process, give pid:%s, or type "
			     "'heapprof check %s'",
			     word, word, word);
}

static const struct program program = {
	.name = PROGRAM,
	.summary = "convert heap dumps to profiles for pprof",
	.arguments = "[COMMAND] [OPTION]... INPUT...",
	.purpose = "Converts heap dumps to profiles for pprof, and compares and shows them.",
	.help_end = "'" PROGRAM " COMMAND --help' describes a command, '" PROGRAM
		    " --version' prints the\n"
		    "version. INPUT is a file, - for standard input, pid:N for a process that\n"
		    "runs under libheapprof, or a core of one.\n"
		    "Exit status: 0 done, 1 a gate failed, 2 bad usage or bad input.\n",
	.commands = commands,
	.has_default = true,
	.other = "heapprof",
	.other_commands = heapprof_commands,
	.answer = answer,
	.end = command_symbolize_end,
	.man_arguments = "[\\fICOMMAND\\fR] [\\fIOPTION\\fR]... \\fIINPUT\\fR...",
	.man_description = PROGRAMS_DIFFER
	"\n"
	".B pprofconv\n"
	"reads the files of heap profilers, recognizes their format by content, and\n"
	"converts them to profiles that\n"
	".B go tool pprof\n"
	"and its relatives read. An input named \\- is standard input. An output appears\n"
	"under its name complete or not at all.\n",
	.man_rest = man_page_rest,
};

int main(int argc, char **argv)
{
	bus_error_explain();
	signal(SIGXFSZ, SIG_IGN); /* a write beyond the file size limit fails with an error */
	return program_main(&program, argc, argv);
}
