/* SPDX-License-Identifier: MIT */
/* Parses arguments into settings, as the rows of a command's options define. getopt_long(3) does
 * the work, so arguments have the forms that users of GNU programs expect. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/vec.h"
#include "cli/command.h"

#define ROWS_MAX 64

/* For the option in row i, getopt_long() returns ROW_BASE + i, which is not the number of any
 * character. */
#define ROW_BASE 256

struct parser {
	const struct option_row *rows;
	struct option long_options[ROWS_MAX + 1];
	char short_options[2 * ROWS_MAX + 3];
};

/* Fills the tables of getopt_long() from the rows. A ':' at the start of the short options lets it
 * distinguish a missing argument from an unknown option; a '+' before it ends the options at the
 * first argument that is not one. */
static void make_parser(struct parser *parser, const struct command *command)
{
	const struct option_row *rows = command->options;
	char *letters = parser->short_options;

	*parser = (struct parser){.rows = rows};
	if (command->argument_kind == ARGUMENTS_COMMAND)
		*letters++ = '+';
	*letters++ = ':';
	for (int i = 0; i < ROWS_MAX && rows[i].name; i++) {
		parser->long_options[i] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].type == OPTION_FLAG ? no_argument : required_argument,
			.val = ROW_BASE + i,
		};
		if (!rows[i].letter)
			continue;
		*letters++ = rows[i].letter;
		if (rows[i].type != OPTION_FLAG)
			*letters++ = ':';
	}
}

static const struct option_row *find_row(const struct parser *parser, int found)
{
	if (found >= ROW_BASE)
		return &parser->rows[found - ROW_BASE];
	for (const struct option_row *row = parser->rows; row->name; row++)
		if (row->letter && row->letter == found)
			return row;
	return NULL;
}

/* number = digits [ "K" | "M" | "G" ]; the letter is accepted only if `takes_unit` is true */
static bool parse_number(const char *text, bool takes_unit, uint64_t *out)
{
	static const char units[] = "KMG";
	struct cursor cursor = cursor_make(text, strlen(text));
	uint64_t value = cursor_take_decimal(&cursor);
	const char *unit = NULL;

	if (takes_unit && !cursor_at_end(&cursor))
		unit = strchr(units, *cursor.at & ~0x20);
	if (unit) {
		cursor.at++;
		if (__builtin_mul_overflow(value, UINT64_C(1) << (10 * (unit - units + 1)), &value))
			return false;
	}
	*out = value;
	return !cursor.failed && cursor_at_end(&cursor);
}

bool option_parse_size(const char *text, uint64_t *out)
{
	return parse_number(text, true /* takes a unit */, out);
}

static int add_text(const char *argument, struct texts *texts)
{
	return vec_push(texts, argument) < 0 ? command_error("%s", strerror(ENOMEM)) : EXIT_DONE;
}

static int store(const struct option_row *row, const char *argument, struct settings *settings)
{
	void *field = (char *)settings + row->offset;

	switch (row->type) {
	case OPTION_FLAG:
		*(bool *)field = true;
		return EXIT_DONE;
	case OPTION_TEXT:
		*(const char **)field = argument;
		return EXIT_DONE;
	case OPTION_TEXTS:
		return add_text(argument, field);
	case OPTION_COUNT:
	case OPTION_SIZE:
		if (parse_number(argument, row->type == OPTION_SIZE, field))
			return EXIT_DONE;
		break;
	}
	if (row->type == OPTION_SIZE)
		return command_error("--%s: invalid size '%s'; expected one such as 64M", row->name,
				     argument);
	return command_error("--%s: invalid number '%s'", row->name, argument);
}

/* Prints an error about what getopt_long() did not accept: a letter after '-', or a whole argument.
 * Returns the exit status. */
static int refuse(const struct command *command, int found, const char *argument)
{
	const char letter[] = {'-', (char)optopt, '\0'};
	bool is_letter = optopt > ' ' && optopt < 0x7f;
	const char *wrong = found == ':'         ? "missing argument of the option"
			    : optopt >= ROW_BASE ? "the option takes no argument:"
						 : "no such option:";

	return command_error("%s '%s'; '%s %s --help' lists the options", wrong,
			     is_letter ? letter : argument, program_name(), command->name);
}

static int parse_arguments(const struct command *command, int argc, char **argv,
			   struct settings *settings)
{
	struct parser parser;
	int found, status = EXIT_DONE;

	make_parser(&parser, command);
	opterr = 0;
	optind = 1;
	while (!status && (found = getopt_long(argc, argv, parser.short_options,
					       parser.long_options, NULL)) != -1) {
		const struct option_row *row = find_row(&parser, found);

		if (row)
			status = store(row, optarg, settings);
		else
			status = refuse(command, found, argv[optind - 1]);
	}
	settings->inputs = argv + optind;
	settings->n_inputs = argc - optind;
	return status;
}

static void free_texts(const struct option_row *rows, struct settings *settings)
{
	for (const struct option_row *row = rows; row->name; row++)
		if (row->type == OPTION_TEXTS)
			vec_deinit((struct texts *)((char *)settings + row->offset));
}

static int run_with(const struct command *command, const struct settings *settings)
{
	if (!settings->help)
		return command->run(settings);
	help_print_command(command, stdout);
	return EXIT_DONE;
}

int program_run_command(const struct command *command, int argc, char **argv)
{
	_cleanup_(freep) void *memory = malloc(command->settings_size);
	struct settings *settings = memory;
	int status;

	if (!settings)
		return command_error("%s", strerror(ENOMEM));
	memcpy(settings, command->defaults, command->settings_size);
	status = parse_arguments(command, argc, argv, settings);
	if (!status)
		status = run_with(command, settings);
	free_texts(command->options, settings);
	return status;
}
