/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "cli/command.h"

static const struct program *program;

const char *program_name(void)
{
	return program ? program->name : "heapprof";
}

int command_error(const char *format, ...)
{
	_cleanup_(freep) void *text = NULL;
	va_list args;
	char *line;

	va_start(args, format);
	if (vasprintf(&line, format, args) >= 0)
		text = line;
	va_end(args);
	fprintf(stderr, "%s: ", program_name());
	utf8_print(text ? text : strerror(ENOMEM), stderr);
	putc('\n', stderr);
	return EXIT_BAD;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; program->commands[i]; i++)
		if (strcmp(program->commands[i]->name, name) == 0)
			return program->commands[i];
	return NULL;
}

/* Returns the command that runs if the first argument is a number, or NULL. */
static const struct command *find_for_ids(const char *word)
{
	if (!*word || word[strspn(word, "0123456789")])
		return NULL;
	for (size_t i = 0; program->commands[i]; i++)
		if (program->commands[i]->is_for_ids)
			return program->commands[i];
	return NULL;
}

/* Options of the program itself, as its first argument. */
static bool answer_option(const char *argument)
{
	if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0)
		help_print_program(program, stdout);
	else if (strcmp(argument, "--version") == 0)
		printf("%s " PROGRAM_VERSION "\n", program->name);
	else if (strcmp(argument, "--man") == 0)
		man_print(program, stdout);
	else if (strcmp(argument, "--completion=bash") == 0)
		completion_print_bash(program, stdout);
	else if (strcmp(argument, "--completion=zsh") == 0)
		completion_print_zsh(program, stdout);
	else
		return false;
	return true;
}

/* `help` and `help COMMAND` */
static int print_help(const char *name)
{
	const struct command *command = name ? find_command(name) : NULL;

	if (name && !command)
		return command_error("unknown command '%s'; '%s --help' lists the commands", name,
				     program->name);
	if (command)
		help_print_command(command, stdout);
	else
		help_print_program(program, stdout);
	return EXIT_DONE;
}

/* Finds a command that comes after options, where it would be an argument of the default command.
 */
static const struct command *find_misplaced(int argc, char **argv)
{
	const struct command *command = NULL;

	for (int i = 2; !command && argv[1][0] == '-' && i < argc; i++)
		command = access(argv[i], F_OK) == 0 ? NULL : find_command(argv[i]);
	return command;
}

/* Returns whether a word is probably a typo of a command: it names no file, and has neither a dot
 * or a slash, as the name of a missing file would, nor a colon, as pid:N does. */
static bool is_typo(const char *argument)
{
	return argument[0] != '-' && !strpbrk(argument, "./:") && access(argument, F_OK) != 0;
}

/* If the first argument is a command of the other program, prints that program's command line,
 * which can be pasted, and returns EXIT_BAD; otherwise returns EXIT_DONE. */
static int answer_other(int argc, char **argv)
{
	size_t size;
	char *text;
	FILE *line;

	for (size_t i = 0; strcmp(program->other_commands[i], argv[1]) != 0;)
		if (!program->other_commands[++i])
			return EXIT_DONE;
	line = open_memstream(&text, &size);
	if (!line)
		return command_error("%s", strerror(errno));
	for (int i = 1; i < argc; i++) {
		_cleanup_(freep) void *word = shell_word(argv[i]);

		fprintf(line, " %s", word ? (char *)word : argv[i]);
	}
	if (fclose(line) != 0)
		return command_error("%s", strerror(errno));
	command_error("'%s' is a command of %s; type '%s%s'", argv[1], program->other,
		      program->other, text);
	free(text);
	return EXIT_BAD;
}

/* Prints why the first argument is not a command and returns EXIT_BAD; returns EXIT_DONE if it may
 * be an argument of the default command. */
static int refuse_word(int argc, char **argv)
{
	int status = EXIT_DONE;

	if (program->has_default && !is_typo(argv[1]))
		return EXIT_DONE;
	if (program->other_commands)
		status = answer_other(argc, argv);
	if (!status && program->answer)
		status = program->answer(argv[1]);
	if (!status)
		status = command_error("no command%s '%s'; '%s --help' lists the commands",
				       program->has_default ? " or file" : "", argv[1],
				       program->name);
	return status;
}

static int dispatch(int argc, char **argv)
{
	const struct command *command;
	int status;

	if (argc < 2) {
		help_print_program(program, stderr);
		return EXIT_BAD;
	}
	if (answer_option(argv[1]))
		return EXIT_DONE;
	if (strcmp(argv[1], "help") == 0)
		return print_help(argv[2]);
	command = find_command(argv[1]);
	if (command)
		return program_run_command(command, argc - 1, argv + 1);
	command = find_for_ids(argv[1]);
	if (command)
		return program_run_command(command, argc, argv);
	command = find_misplaced(argc, argv);
	if (command)
		return command_error("the command comes first: '%s %s %s ...'", program->name,
				     command->name, argv[1]);
	status = refuse_word(argc, argv);
	return status ? status : program_run_command(program->commands[0], argc, argv);
}

int program_main(const struct program *running, int argc, char **argv)
{
	int status;

	program = running;
	status = dispatch(argc, argv);
	if (program->end)
		program->end();
	if (fflush(stdout) != 0 || ferror(stdout)) /* the output did not arrive */
		return command_error("standard output: %s", strerror(errno));
	return status;
}
