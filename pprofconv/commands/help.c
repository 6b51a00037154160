/* SPDX-License-Identifier: MIT */
/* Prints the help and the man page from the rows that arguments are parsed by. */
#include <string.h>

#include "commands/command.h"

#define WIDTH         80
#define OPTION_COLUMN 28
#define ROFF_WIDTH    72

/* --- help ---------------------------------------------------------------------------------- */

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

void command_print_help(const struct command *command, FILE *stream)
{
	fprintf(stream, "Usage: " PROGRAM " %s [OPTION]...%s%s\n", command->name,
		*command->arguments ? " " : "", command->arguments);
	print_wrapped(command->summary, 0, stream);
	putc('\n', stream);
	print_wrapped(command->description, 0, stream);
	fprintf(stream, "\nOptions:\n");
	for (const struct option_row *row = command->options; row->name; row++)
		print_option(row, stream);
}

void command_print_program_help(FILE *stream)
{
	fprintf(stream,
		"Usage: " PROGRAM " [COMMAND] [OPTION]... INPUT...\n"
		"Converts heap dumps to profiles for pprof, and compares and shows them.\n\n"
		"Commands:\n");
	for (size_t i = 0; commands[i]; i++)
		fprintf(stream, "  %-10s%s%s\n", commands[i]->name, commands[i]->summary,
			i == 0 ? " (the default)" : "");
	fprintf(stream,
		"\n'" PROGRAM " COMMAND --help' describes a command, '" PROGRAM
		" --version' prints the\nversion. INPUT may be -, which is standard input.\n"
		"Exit status: 0 done, 1 a gate failed, 2 bad usage or bad input.\n");
}

/* --- man page ------------------------------------------------------------------------------ */

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

static const char man_rest[] =
	".SH INPUTS\n"
	"An input may be gzipped. Its format is recognized by content, however long its\n"
	"first line is; no line may be longer than 16 MiB. Formats of other programs:\n"
	".TP\n"
	".B folded stacks\n"
	"Text in UTF\\-8; UTF\\-16 is refused. Empty lines are skipped, and so are\n"
	"comments: lines that begin with a # and a space. Lines may end with CR LF. A\n"
	"last line without an end is read, with a warning. Fractional counts are rounded\n"
	"to whole numbers that have the same sum, with a warning. Lines with two counts\n"
	"are a difference, and are refused.\n"
	".SH COLUMNS\n"
	"The columns of diff. A row is a function, file, line or mapping; the largest\n"
	"change comes first.\n"
	".TP\n"
	".B flat\n"
	"How much more or less it allocated itself; a * marks a real change.\n"
	".TP\n"
	".B flat%\n"
	"The same in percent of the base; new or gone if one side has nothing.\n"
	".TP\n"
	".B 95 % interval\n"
	"The range of flat, given the error of sampling and the confidence asked for;\n"
	"exact if there is no such error; too few samples if a count of objects is too\n"
	"uncertain.\n"
	".TP\n"
	".BR base , \" new\"\n"
	"What it allocated itself on each side; with several runs, their mean.\n"
	".TP\n"
	".BR cum , \" cum%\"\n"
	"Like flat and flat%, but with everything that it called.\n"
	".PP\n"
	"In Markdown, flat is called difference and flat% change; cum is left out, and\n"
	"real changes are bold.\n"
	".SH PROFILES WITHOUT A SAMPLE\n"
	"A program that allocates less than a few sample intervals may leave no sample.\n"
	"A line that begins with \"no sample\" then reports how much it had allocated, how\n"
	"often a sample is taken, and what to set.\n"
	".B top\n"
	"and\n"
	".B info\n"
	"print it on standard output, with \\-\\-quiet too.\n"
	".B diff\n"
	"and\n"
	".B trend\n"
	"have it among the warnings of their reports, for each side, with the size up to\n"
	"which growth may not be seen. A base without a sample is a valid base: gates\n"
	"judge by its error.\n"
	".B convert\n"
	"and\n"
	".B merge\n"
	"print it on standard error unless \\-\\-quiet is set, and make it a comment of\n"
	"the profile, which\n"
	".B go tool pprof\n"
	"prints. Folded stacks have no room for it.\n"
	".SH EXIT STATUS\n"
	"0: done. 1: a gate failed. 2: bad usage or bad input. With 2 nothing was written,\n"
	"except when convert has several inputs: those that it can read are converted.\n"
	".SH ENVIRONMENT\n"
	".TP\n"
	".B DEBUGINFOD_URLS\n"
	"The servers that \\-\\-debuginfod asks.\n"
	".SH FILES\n"
	".TP\n"
	".I " PPROFCONV_DATA_DIR "/diff.schema.json\n"
	".TQ\n"
	".I " PPROFCONV_DATA_DIR "/trend.schema.json\n"
	"JSON schemas of the reports that diff and trend write with \\-\\-format=json.\n"
	"A report names its schema and version; within a version members may be added.\n"
	".SH EXAMPLES\n"
	".nf\n"
	"pprofconv app.*.heap\n"
	"go tool pprof \\-diff_base app.0001.pb.gz app.0033.pb.gz\n"
	"pprofconv diff base.pb.gz new.pb.gz \\-\\-max\\-growth inuse_space=2%\n"
	"pprofconv diff \\-\\-base=a1.heap \\-\\-base=a2.heap b1.heap b2.heap\n"
	"pprofconv trend app.*.heap \\-\\-max\\-slope inuse_space=10M\n"
	"pprofconv \\-\\-to=folded app.0033.heap | flamegraph.pl > app.svg\n"
	".fi\n"
	".SH WARNINGS\n"
	"Warnings about dumps of libheapprof. Each is printed once, whatever the number of\n"
	"inputs, and not at all with \\-\\-quiet.\n"
	".TP\n"
	".B stacks were cut\n"
	"At least 1 % of the samples have more frames than were recorded, so their outer\n"
	"callers are missing. The line suggests a value for HEAP_PROFILE_STACK_DEPTH.\n"
	".TP\n"
	".B in use, but the process has ... of anonymous memory\n"
	"The memory in use and the profiler's own are together less than half of the\n"
	"process's anonymous memory, and at least 64 MiB less than it.\n"
	"HEAP_PROFILE_MMAP=1 records what the program maps itself.\n"
	".SH LIMITS\n"
	"Split debug information is read from .dwo files, not from .dwp packages. Code\n"
	"whose .dwo file is in a package gets its functions from the symbol table, and\n"
	"its lines, but no inlined frames.\n"
	".SH SEE ALSO\n"
	".BR libheapprof (3),\n"
	".BR heapprof\\-server (7),\n"
	".BR heapprof\\-statistics (7)\n"
	".PP\n"
	"https://github.com/google/pprof\n";

/* The options that many commands share; the man page lists them once. */
static const struct option_row symbol_options[] = {OPTION_ROWS_SYMBOLS, {0}};

static bool is_symbol_option(const struct option_row *row)
{
	for (const struct option_row *known = symbol_options; known->name; known++)
		if (strcmp(known->name, row->name) == 0)
			return true;
	return false;
}

static void print_man_command(const struct command *command, FILE *stream)
{
	bool has_symbol_options = false;

	fprintf(stream, ".SS \"%s %s\"\n", command->name, command->arguments);
	print_roff(command->summary, stream);
	fputs(".PP\n", stream);
	print_roff(command->description, stream);
	for (const struct option_row *row = command->options; row->name; row++)
		if (is_symbol_option(row))
			has_symbol_options = true;
		else
			print_man_option(row, stream);
	if (has_symbol_options)
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

void command_print_man(FILE *stream)
{
	fputs(".TH PPROFCONV 1 " PPROFCONV_DATE " \"heapprof " PPROFCONV_VERSION
	      "\" \"User Commands\"\n"
	      ".SH NAME\n"
	      "pprofconv \\- convert heap dumps to profiles for pprof\n"
	      ".SH SYNOPSIS\n"
	      ".B pprofconv\n"
	      "[\\fICOMMAND\\fR] [\\fIOPTION\\fR]... \\fIINPUT\\fR...\n"
	      ".SH DESCRIPTION\n"
	      "Reads the files of heap profilers, recognizes their format by content, and\n"
	      "converts them to profiles that\n"
	      ".B go tool pprof\n"
	      "and its relatives read. An input named \\- is standard input. An output appears\n"
	      "under its name complete or not at all.\n"
	      ".SH COMMANDS\n",
	      stream);
	for (size_t i = 0; commands[i]; i++)
		print_man_command(commands[i], stream);
	print_man_symbol_options(stream);
	fputs(man_rest, stream);
}
