/* SPDX-License-Identifier: MIT */
/* Prints the help from the rows that arguments are parsed by. */
#include <string.h>

#include "cli/command.h"

#define WIDTH         80
#define OPTION_COLUMN 28

/* Prints words in lines up to the width. The first begins at `column`, where the cursor is; the
 * others are indented to it. */
static void print_wrapped(const char *text, int column, FILE *stream)
{
	int at = column;

	while (*text) {
		int size = (int)strcspn(text, " ");

		if (at > column && at + 1 + size > WIDTH) {
			fprintf(stream, "\n%*s", column, "");
			at = column;
		} else if (at > column) {
			putc(' ', stream);
			at++;
		}
		fprintf(stream, "%.*s", size, text);
		at += size;
		text += size;
		text += *text == ' ';
	}
	putc('\n', stream);
}

static void print_option(const struct option_row *row, FILE *stream)
{
	int n = row->letter ? fprintf(stream, "  -%c, ", row->letter) : fprintf(stream, "      ");

	n += fprintf(stream, "--%s", row->name);
	if (row->argument)
		n += fprintf(stream, "=%s", row->argument);
	if (n >= OPTION_COLUMN)
		n = fprintf(stream, "\n") - 1;
	fprintf(stream, "%*s", OPTION_COLUMN - n, "");
	print_wrapped(row->meaning, OPTION_COLUMN, stream);
}

void help_print_command(const struct command *command, FILE *stream)
{
	fprintf(stream, "Usage: %s %s [OPTION]...%s%s\n", program_name(), command->name,
		*command->arguments ? " " : "", command->arguments);
	print_wrapped(command->summary, 0, stream);
	putc('\n', stream);
	print_wrapped(command->description, 0, stream);
	fprintf(stream, "\nOptions:\n");
	for (const struct option_row *row = command->options; row->name; row++)
		print_option(row, stream);
}

void help_print_program(const struct program *program, FILE *stream)
{
	fprintf(stream, PROGRAMS_DIFFER "\n\nUsage: %s %s\n%s\n\nCommands:\n", program->name,
		program->arguments, program->purpose);
	for (size_t i = 0; program->commands[i]; i++)
		fprintf(stream, "  %-10s%s%s\n", program->commands[i]->name,
			program->commands[i]->summary,
			i == 0 && program->has_default ? " (the default)" : "");
	fprintf(stream, "\n%s", program->help_end);
}
