/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/bus_error.h"
#include "commands/commands.h"

const struct command *const commands[] = {
	&command_convert, &command_diff, &command_trend,   &command_merge,
	&command_top,     &command_info, &command_formats, NULL,
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

/* Options of the program itself, as its first argument. */
static bool answer_option(const char *argument)
{
	if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0)
		command_print_program_help(stdout);
	else if (strcmp(argument, "--version") == 0)
		printf(PROGRAM " " PPROFCONV_VERSION "\n");
	else if (strcmp(argument, "--man") == 0)
		command_print_man(stdout);
	else
		return false;
	return true;
}

/* `help` and `help COMMAND` */
static int print_help(const char *name)
{
	const struct command *command = name ? find_command(name) : NULL;

	if (name && !command)
		return command_error(
			"unknown command '%s'; '" PROGRAM " --help' lists the commands", name);
	if (command)
		command_print_help(command, stdout);
	else
		command_print_program_help(stdout);
	return EXIT_DONE;
}

/* Finds a command that comes after options, where it would be an input of convert. */
static const struct command *find_misplaced(int argc, char **argv)
{
	const struct command *command = NULL;

	for (int i = 2; !command && argv[1][0] == '-' && i < argc; i++)
		command = access(argv[i], F_OK) == 0 ? NULL : find_command(argv[i]);
	return command;
}

/* Whether a word is probably a typo of a command: a file's name has a dot or a slash. */
static bool is_typo(const char *argument)
{
	return argument[0] != '-' && !strpbrk(argument, "./") && access(argument, F_OK) != 0;
}

static int dispatch(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		command_print_program_help(stderr);
		return EXIT_BAD;
	}
	if (answer_option(argv[1]))
		return EXIT_DONE;
	if (strcmp(argv[1], "help") == 0)
		return print_help(argv[2]);
	command = find_command(argv[1]);
	if (command)
		return command_run(command, argc - 1, argv + 1);
	command = find_misplaced(argc, argv);
	if (command)
		return command_error("the command comes first: '" PROGRAM " %s %s ...'",
				     command->name, argv[1]);
	if (is_typo(argv[1]))
		return command_error("no command or file '%s'; '" PROGRAM
				     " --help' lists the commands",
				     argv[1]);
	return command_run(commands[0], argc, argv);
}

int main(int argc, char **argv)
{
	int status;

	bus_error_explain();
	signal(SIGXFSZ, SIG_IGN); /* a write beyond the file size limit fails with an error */
	status = dispatch(argc, argv);
	command_symbolize_end();
	if (fflush(stdout) != 0 || ferror(stdout)) /* the output did not arrive */
		return command_error("standard output: %s", strerror(errno));
	return status;
}
