/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/bus_error.h"
#include "commands/command_target.h"
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

/* What the program itself answers to, when it is the first argument. */
static bool answer(const char *argument)
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
static int help(const char *name)
{
	const struct command *command = name ? find_command(name) : NULL;

	if (name && !command)
		return command_error("no command '%s'", name);
	if (command)
		command_print_help(command, stdout);
	else
		command_print_program_help(stdout);
	return EXIT_DONE;
}

/* A command behind options is taken for an input, and the user for one who converts. */
static const struct command *find_misplaced(int argc, char **argv)
{
	const struct command *command = NULL;

	for (int i = 2; !command && argv[1][0] == '-' && i < argc; i++)
		command = access(argv[i], F_OK) == 0 ? NULL : find_command(argv[i]);
	return command;
}

/* A word that is neither is a slip of the pen; what has a dot or a slash is a file's name. */
static bool is_no_file(const char *argument)
{
	return argument[0] != '-' && !strpbrk(argument, "./") && !command_target_pid(argument) &&
	       access(argument, F_OK) != 0;
}

static int dispatch(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		command_print_program_help(stderr);
		return EXIT_BAD;
	}
	if (answer(argv[1]))
		return EXIT_DONE;
	if (strcmp(argv[1], "help") == 0)
		return help(argv[2]);
	command = find_command(argv[1]);
	if (command)
		return command_run(command, argc - 1, argv + 1);
	command = find_misplaced(argc, argv);
	if (command)
		return command_error("the command comes first: '" PROGRAM " %s %s ...'",
				     command->name, argv[1]);
	if (is_no_file(argv[1]) && argv[1][strspn(argv[1], "0123456789")] == '\0')
		return command_error("no command or file '%s'; to read that process, give pid:%s",
				     argv[1], argv[1]);
	if (is_no_file(argv[1]))
		return command_error("no command or file '%s'; '" PROGRAM " --help' lists commands",
				     argv[1]);
	return command_run(commands[0], argc, argv);
}

/* What was printed must have arrived. */
int main(int argc, char **argv)
{
	int status;

	bus_error_explain();
	signal(SIGXFSZ, SIG_IGN); /* a file that may grow no more is an error like another */
	status = dispatch(argc, argv);
	command_symbolize_end();
	if (fflush(stdout) != 0 || ferror(stdout))
		return command_error("standard output: %s", strerror(errno));
	return status;
}
