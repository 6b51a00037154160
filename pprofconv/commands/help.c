/* SPDX-License-Identifier: MIT */
/* The help and the man page, from the same rows that the arguments are parsed by. */
#include <string.h>

#include "commands/command.h"

#define WIDTH         80
#define OPTION_COLUMN 28
#define ROFF_WIDTH    72

/* --- help ---------------------------------------------------------------------------------- */

/* Prints words up to the width, from `column` on, where further lines begin as well. */
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
	fprintf(stream, "Usage: " PROGRAM " [COMMAND] [OPTION]... INPUT...\n"
			"Turns heap dumps into profiles for pprof, and shows what is in them.\n\n"
			"Commands:\n");
	for (size_t i = 0; commands[i]; i++)
		fprintf(stream, "  %-10s%s%s\n", commands[i]->name, commands[i]->summary,
			i == 0 ? " (the default)" : "");
	fprintf(stream,
		"\n'" PROGRAM " COMMAND --help' tells more of one, '" PROGRAM
		" --version' the version.\n"
		"INPUT may be -, which is standard input; pid:N, a process that runs under\n"
		"libheapprof; or a core of one. Exit status: 0 done, 1 a gate failed, 2 bad usage\n"
		"or bad input.\n");
}

/* --- man page ------------------------------------------------------------------------------ */

/* What roff would take for its own is escaped. */
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

/* Roff fills lines by itself: where they end here does not matter, but none may begin like a
 * request. */
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
	"An input is a file, - for standard input, or\n"
	".BI pid: N\n"
	"for a process that runs under libheapprof: what a dump of this moment would\n"
	"hold, read from its memory. The process is not stopped and need not answer. It\n"
	"must be one's own, and kernel.yama.ptrace_scope 0, unless root asks. A file of\n"
	"that name is ./pid:N. A core of such a process is read in the same way; its\n"
	"coredump_filter must not leave out private anonymous memory, bit 0.\n"
	".PP\n"
	"An input may be packed by gzip or zstd. Its format is found by content, however long its "
	"first\n"
	"line is; no line may be longer than 16 MiB. Of what is read as others write it:\n"
	".TP\n"
	".B folded stacks\n"
	"Text in UTF\\-8: one in UTF\\-16 is refused. Empty lines are skipped, and\n"
	"comments: lines that begin with a # and a space. Lines may end with CR LF; a\n"
	"last line without an end is read, with a warning. Counts that are fractions\n"
	"are rounded to whole numbers that have the same sum, with a warning. Lines\n"
	"with two counts are a difference, and refused.\n"
	".SH COLUMNS\n"
	"What diff shows of a function, file, line or mapping, the largest change first:\n"
	".TP\n"
	".B flat\n"
	"How much more, or less, it allocated itself; with a * if that is real.\n"
	".TP\n"
	".B flat%\n"
	"The same in percent of the base; new or gone where one side has nothing.\n"
	".TP\n"
	".B 95 % interval\n"
	"Where flat lies, by the error of sampling and with the confidence asked for;\n"
	"exact where there is no such error; too few samples where a count of objects\n"
	"is too uncertain to tell.\n"
	".TP\n"
	".BR base , \" new\"\n"
	"What it allocated itself, on each side; of several runs, the mean.\n"
	".TP\n"
	".BR cum , \" cum%\"\n"
	"As flat and flat%, of what it allocated with all that it called.\n"
	".PP\n"
	"In Markdown flat is called difference, flat% change, and cum is left out;\n"
	"what is real is bold.\n"
	".SH PROFILES WITHOUT A SAMPLE\n"
	"A program that allocates less than some sample intervals may leave none. Then a\n"
	"line that begins with \"no sample\" says how much it had allocated, how often a\n"
	"sample is taken, and what to set.\n"
	".B top\n"
	"and\n"
	".B info\n"
	"print it on standard output, with \\-\\-quiet too;\n"
	".B diff\n"
	"and\n"
	".B trend\n"
	"have it among the warnings of their reports, of each side, with the size up to\n"
	"which growth may not be seen. A base without a sample is there, and gates judge\n"
	"by its error.\n"
	".B convert\n"
	"and\n"
	".B merge\n"
	"print it on standard error, unless \\-\\-quiet is set, and make it a comment of\n"
	"the profile, which\n"
	".B go tool pprof\n"
	"prints. Folded stacks have no room for it.\n"
	".SH EXIT STATUS\n"
	"0: done. 1: a gate failed. 2: bad usage or bad input; then nothing was written,\n"
	"but for the other inputs of convert where one of several is no good profile.\n"
	".SH ENVIRONMENT\n"
	".TP\n"
	".B DEBUGINFOD_URLS\n"
	"The servers that \\-\\-debuginfod asks.\n"
	".SH FILES\n"
	".TP\n"
	".I " PPROFCONV_DATA_DIR "/diff.schema.json\n"
	".TQ\n"
	".I " PPROFCONV_DATA_DIR "/trend.schema.json\n"
	"JSON schemas of what diff and trend write with \\-\\-format=json.\n"
	"Each report names its schema and version; within a version members may be added.\n"
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
	"Of dumps of libheapprof, once whatever the number of inputs; \\-\\-quiet leaves\n"
	"them out:\n"
	".TP\n"
	".B stacks were cut\n"
	"1 % of the samples or more have more frames than were recorded, so the outer\n"
	"callers are missing. The line has a value for HEAP_PROFILE_STACK_DEPTH.\n"
	".TP\n"
	".B in use, but the process has ... of anonymous memory\n"
	"What is in use and the profiler's own memory are less than half of the process's\n"
	"anonymous memory, and at least 64 MiB less. HEAP_PROFILE_MMAP=1 records what the\n"
	"program maps itself.\n"
	".SH LIMITS\n"
	"Split debug information is read from .dwo files, not from packages of\n"
	"them, .dwp: what is in one has its functions from the symbol table, its\n"
	"lines, and no inlined frames.\n"
	".SH SEE ALSO\n"
	".BR libheapprof (3),\n"
	".BR heapprof\\-server (7),\n"
	".BR heapprof\\-statistics (7)\n"
	".PP\n"
	"https://github.com/google/pprof\n";

/* What many commands take, and the man page has once. */
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
		fputs(".PP\nAnd those of SYMBOL OPTIONS.\n", stream);
}

static void print_man_symbol_options(FILE *stream)
{
	fputs(".SH SYMBOL OPTIONS\n"
	      "Where names come from, for all commands that find some:\n",
	      stream);
	for (const struct option_row *row = symbol_options; row->name; row++)
		print_man_option(row, stream);
}

void command_print_man(FILE *stream)
{
	fputs(".TH PPROFCONV 1 " PPROFCONV_DATE " \"heapprof " PPROFCONV_VERSION
	      "\" \"User Commands\"\n"
	      ".SH NAME\n"
	      "pprofconv \\- turn heap dumps into profiles for pprof\n"
	      ".SH SYNOPSIS\n"
	      ".B pprofconv\n"
	      "[\\fICOMMAND\\fR] [\\fIOPTION\\fR]... \\fIINPUT\\fR...\n"
	      ".SH DESCRIPTION\n"
	      "Reads what heap profilers write, finds out by content which of them it was,\n"
	      "and makes a profile of it that\n"
	      ".B go tool pprof\n"
	      "and its relatives read. An input that is \\- is standard input. An output appears\n"
	      "under its name whole or not at all.\n"
	      ".SH COMMANDS\n",
	      stream);
	for (size_t i = 0; commands[i]; i++)
		print_man_command(commands[i], stream);
	print_man_symbol_options(stream);
	fputs(man_rest, stream);
}
