/* SPDX-License-Identifier: MIT */
/* Prints the man page: its commands and options from the rows that arguments are parsed by, its
 * other parts from the program. */
#include <ctype.h>
#include <string.h>

#include "cli/command.h"

#define ROFF_WIDTH 72

/* Escapes the characters that roff would interpret. */
static void print_roff_word(const char *word, size_t size, FILE *stream)
{
	for (size_t i = 0; i < size; i++) {
		if (word[i] == '\\')
			fputs("\\e", stream);
		else if (word[i] == '-')
			fputs("\\-", stream);
		else
			putc(word[i], stream);
	}
}

/* Roff fills lines itself, so they may end anywhere, but none may begin like a request. */
static void print_roff(const char *text, FILE *stream)
{
	size_t column = 0;

	while (*text) {
		size_t size = strcspn(text, " ");

		if (column > 0 && column + 1 + size > ROFF_WIDTH) {
			putc('\n', stream);
			column = 0;
		} else if (column > 0) {
			putc(' ', stream);
			column++;
		}
		if (column == 0 && (*text == '.' || *text == '\''))
			fputs("\\&", stream);
		print_roff_word(text, size, stream);
		column += size;
		text += size;
		text += *text == ' ';
	}
	putc('\n', stream);
}

static void print_man_option(const struct option_row *row, FILE *stream)
{
	fputs(".TP\n", stream);
	if (row->letter)
		fprintf(stream, "\\fB\\-%c\\fR, ", row->letter);
	fputs("\\fB\\-\\-", stream);
	for (const char *c = row->name; *c; c++)
		fprintf(stream, "%s%c", *c == '-' ? "\\" : "", *c);
	fputs("\\fR", stream);
	if (row->argument)
		fprintf(stream, "=\\fI%s\\fR", row->argument);
	putc('\n', stream);
	print_roff(row->meaning, stream);
}

/* The options that many commands share; the man page lists them once. */
static const struct option_row symbol_options[] = {OPTION_ROWS_SYMBOLS, {0}};

static bool is_symbol_option(const struct option_row *row)
{
	for (const struct option_row *known = symbol_options; known->name; known++)
		if (strcmp(known->name, row->name) == 0)
			return true;
	return false;
}

static bool has_symbol_options(const struct command *command)
{
	for (const struct option_row *row = command->options; row->name; row++)
		if (is_symbol_option(row))
			return true;
	return false;
}

static void print_man_command(const struct command *command, FILE *stream)
{
	fprintf(stream, ".SS \"%s %s\"\n", command->name, command->arguments);
	print_roff(command->summary, stream);
	fputs(".PP\n", stream);
	print_roff(command->description, stream);
	for (const struct option_row *row = command->options; row->name; row++)
		if (!is_symbol_option(row))
			print_man_option(row, stream);
	if (has_symbol_options(command))
		fputs(".PP\nSYMBOL OPTIONS apply as well.\n", stream);
}

static void print_man_symbol_options(FILE *stream)
{
	fputs(".SH SYMBOL OPTIONS\n"
	      "Where names come from, for all commands that look for them:\n",
	      stream);
	for (const struct option_row *row = symbol_options; row->name; row++)
		print_man_option(row, stream);
}

static void print_upper(const char *text, FILE *stream)
{
	while (*text)
		putc(toupper((unsigned char)*text++), stream);
}

void man_print(const struct program *program, FILE *stream)
{
	bool names_symbols = false;

	fputs(".TH ", stream);
	print_upper(program->name, stream);
	fprintf(stream,
		" 1 " PROGRAM_DATE " \"heapprof " PROGRAM_VERSION "\" \"User Commands\"\n"
		".SH NAME\n%s \\- %s\n.SH SYNOPSIS\n.B %s\n%s\n.SH DESCRIPTION\n%s.SH COMMANDS\n",
		program->name, program->summary, program->name, program->man_arguments,
		program->man_description);
	for (size_t i = 0; program->commands[i]; i++) {
		print_man_command(program->commands[i], stream);
		names_symbols |= has_symbol_options(program->commands[i]);
	}
	if (names_symbols)
		print_man_symbol_options(stream);
	fputs(program->man_rest, stream);
}
