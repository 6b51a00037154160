/* SPDX-License-Identifier: MIT */
/* Prints libheapprof(3): reads the page that is given as an argument, and replaces the line
 * @ENVIRONMENT@ by the rows of the parser's own table. This program runs when heapprof is built,
 * and is not installed. */
#include "base/options.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	WIDTH = 76
};

static const char *const argument_names[] = {
	[HP_OPTION_SIZE] = "SIZE",     [HP_OPTION_NUMBER] = "N",    [HP_OPTION_BOOLEAN] = "0|1",
	[HP_OPTION_SIGNAL] = "SIGNAL", [HP_OPTION_CHOICE] = "WORD", [HP_OPTION_TEXT] = "PATTERN",
};

/* Prints a character in such a way that roff shows it unchanged. */
static void print_char(char c)
{
	if (c == '\\')
		fputs("\\e", stdout);
	else if (c == '-')
		fputs("\\-", stdout);
	else
		putchar(c);
}

static void print_escaped(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		print_char(text[i]);
}

/* Prints a word. If it begins a line, a dot or quote is protected: roff would take it for a
 * request. */
static void print_word(const char *word, size_t size, bool begins_line)
{
	if (begins_line && (*word == '.' || *word == '\''))
		fputs("\\&", stdout);
	print_escaped(word, size);
}

static void print_wrapped(const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t size = strcspn(text, " ");

		if (column > 0) {
			bool fits = column + 1 + size <= WIDTH;

			putchar(fits ? ' ' : '\n');
			column = fits ? column + 1 : 0;
		}
		print_word(text, size, column == 0);
		column += size;
		text += size;
		text += *text == ' ';
	}
	putchar('\n');
}

/* Prints a bound as a user would write it, with K, M or G if it is a whole number of these. */
static void print_bound(uint64_t value, enum hp_option_kind kind)
{
	static const char units[] = "KMG";
	int unit = -1;

	while (kind == HP_OPTION_SIZE && value >= 1024 && value % 1024 == 0 && unit < 2) {
		value /= 1024;
		unit++;
	}
	printf("%" PRIu64, value);
	if (unit >= 0)
		putchar(units[unit]);
}

static void print_option_range(const struct hp_option *option)
{
	bool is_number = option->kind == HP_OPTION_SIZE || option->kind == HP_OPTION_NUMBER;

	if (!is_number || option->max == UINT64_MAX)
		return;
	fputs("Range: ", stdout);
	print_bound(option->min, option->kind);
	fputs(" to ", stdout);
	print_bound(option->max, option->kind);
	for (size_t i = 0; option->choices && option->choices[i]; i++)
		printf("; or %s", option->choices[i]);
	fputs(".\n", stdout);
}

static void print_choices(const struct hp_option *option)
{
	if (option->kind != HP_OPTION_CHOICE)
		return;
	fputs("One of", stdout);
	for (size_t i = 0; option->choices[i]; i++) {
		fputs(i > 0 ? ", " : " ", stdout);
		print_escaped(option->choices[i], strlen(option->choices[i]));
	}
	fputs(".\n", stdout);
}

static void print_option(const struct hp_option *option)
{
	printf(".TP\n.BR %s =\\fI%s\\fR\n", option->name, argument_names[option->kind]);
	fputs("Default: ", stdout);
	print_escaped(option->default_text, strlen(option->default_text));
	fputs(".\n", stdout);
	print_option_range(option);
	print_choices(option);
	print_wrapped(option->meaning);
}

/* line = ( text | "@VERSION@" | "@DATE@" )* EOL */
static void print_line(const char *line)
{
	static const char *const marks[][2] = {
		{"@VERSION@", HEAPPROF_VERSION},
		{"@DATE@", HEAPPROF_DATE},
	};

	while (*line) {
		size_t mark = 0;

		while (mark < 2 && strncmp(line, marks[mark][0], strlen(marks[mark][0])) != 0)
			mark++;
		if (mark == 2) {
			putchar(*line++);
		} else {
			fputs(marks[mark][1], stdout);
			line += strlen(marks[mark][0]);
		}
	}
}

static void print_page(FILE *page)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, page) > 0) {
		if (strcmp(line, "@ENVIRONMENT@\n") != 0)
			print_line(line);
		else
			for (size_t i = 0; i < hp_n_options; i++)
				print_option(&hp_option_table[i]);
	}
	free(line);
}

int main(int argc, char **argv)
{
	FILE *page = argc == 2 ? fopen(argv[1], "r") : NULL;

	if (!page) {
		perror(argc == 2 ? argv[1] : "usage: man PAGE");
		return 2;
	}
	print_page(page);
	fclose(page);
	return ferror(stdout) || fflush(stdout) != 0;
}
