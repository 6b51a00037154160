/* SPDX-License-Identifier: MIT */
/* A command is a row with its name, its options and the function that runs it, and a program is a
 * row with its commands. Arguments are parsed by these rows; the help, the man page and the shell
 * completions are written from them. This header is shared by the programs pprofconv and heapprof.
 */
#pragma once
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { /* exit statuses */
	EXIT_DONE = 0,
	EXIT_GATE = 1,
	EXIT_BAD = 2, /* bad usage or bad input */
};

struct texts { /* the arguments of an option that may be given several times; a VEC() */
	const char **items;
	size_t n, capacity;
};

/* Settings are what the options and arguments of one run say. These are the settings that commands
 * share. A command with more has a struct of its own, whose first member is `common`. */
struct settings {
	bool help;
	bool quiet;
	bool verbose;
	const char *from;
	uint64_t nth;         /* which report of an input with several, from 1; 0: the last */
	bool is_reproducible; /* counts are read unscaled; reproducible_copy() scales them */
	bool takes_samples;   /* counts are read unscaled, and stay so */
	uint64_t max_input_bytes;
	const char *sample_type;
	struct texts binaries;
	struct texts debug_dirs;
	struct texts labels; /* KEY=VALUE */
	const char *sysroot;
	const char *demangle;
	bool no_symbols;
	bool debuginfod;
	bool full_names; /* names are not shortened */
	bool hide_std;   /* functions of the standard libraries are hidden */
	const char *color;
	bool stop;     /* processes are stopped while they are read */
	char **inputs; /* the remaining arguments */
	int n_inputs;
	const char *const *input_labels; /* for each input: its labels, or NULL; NULL: none */
};

/* Converts the shared settings to the `type` of one command's settings, of which they are the first
 * member. */
#define SETTINGS_OF(type, settings_)                                                               \
	({                                                                                         \
		static_assert(offsetof(type, common) == 0, "settings begin with the common ones"); \
		const struct settings *settings_common = (settings_);                              \
		(const type *)settings_common;                                                     \
	})

enum option_type {
	OPTION_FLAG,  /* bool; no argument */
	OPTION_TEXT,  /* const char * */
	OPTION_TEXTS, /* struct texts; each use adds one */
	OPTION_COUNT, /* uint64_t */
	OPTION_SIZE,  /* uint64_t; K, M and G multiply by powers of 1024 */
};

struct option_row {
	const char *name;
	char letter; /* 0 if it has none */
	enum option_type type;
	size_t offset;        /* in the command's settings */
	const char *argument; /* its name in the help; NULL for a flag */
	const char *meaning;  /* full sentences, with the default if there is one */
};

enum argument_kind { /* of the arguments that are not options, for completions */
	ARGUMENTS_FILES,
	ARGUMENTS_NONE,
	ARGUMENTS_COMMAND, /* a program and its arguments; they end the command's own options */
	ARGUMENTS_TARGET,  /* a process ID, or a program */
};

struct command {
	const char *name;
	const char *arguments; /* without options, as the help shows them */
	const char *summary;   /* one line */
	const char *description;
	enum argument_kind argument_kind;
	const struct option_row *options; /* ends with a row whose name is NULL */
	const struct settings *defaults;  /* the first member of the command's settings */
	size_t settings_size;             /* of the command's own settings, in bytes */
	int (*run)(const struct settings *settings); /* returns the exit status */
	bool is_for_ids; /* it runs if the first argument is a number, which is an argument of it;
			    its name is for the help */
};

/* Rows that commands share. */
#define OPTION_ROW_HELP                                                          \
	{                                                                        \
		"help", 'h', OPTION_FLAG, offsetof(struct settings, help), NULL, \
			"Prints this help."                                      \
	}
#define OPTION_ROW_QUIET                                                           \
	{                                                                          \
		"quiet", 'q', OPTION_FLAG, offsetof(struct settings, quiet), NULL, \
			"Prints errors only, no warnings."                         \
	}
#define OPTION_ROW_VERBOSE                                                             \
	{                                                                              \
		"verbose", 'v', OPTION_FLAG, offsetof(struct settings, verbose), NULL, \
			"Reports on standard error what is read and written."          \
	}
#define OPTION_ROW_FROM                                                              \
	{                                                                            \
		"from", 'f', OPTION_TEXT, offsetof(struct settings, from), "FORMAT", \
			"The format of the inputs. By default the content decides."  \
	}
#define OPTION_ROW_NTH                                                                      \
	{                                                                                   \
		"nth", 0, OPTION_COUNT, offsetof(struct settings, nth), "N",                \
			"Takes the N-th report of an input with several, such as a log of " \
			"valgrind, in place of the last. 1 is the first."                   \
	}
#define OPTION_ROW_STOP                                                                         \
	{                                                                                       \
		"stop", 0, OPTION_FLAG, offsetof(struct settings, stop), NULL,                  \
			"Stops the threads of a process while it is read, so that all numbers " \
			"are of one moment. System calls that this interrupts are made again. " \
			"Without this option, a process goes on."                               \
	}
#define OPTION_ROW_MAX_INPUT                                                                     \
	{                                                                                        \
		"max-input-bytes", 0, OPTION_SIZE, offsetof(struct settings, max_input_bytes),   \
			"SIZE",                                                                  \
			"Refuses an input that is longer than this after unpacking. K, M and G " \
			"multiply by powers of 1024; 0 means no limit. The default is 1G."       \
	}
#define OPTION_ROW_SAMPLE_TYPE                                                                   \
	{                                                                                        \
		"sample-type", 's', OPTION_TEXT, offsetof(struct settings, sample_type), "TYPE", \
			"Which of a sample's values to use, such as alloc_space. The default "   \
			"is the profile's own, for a heap inuse_space."                          \
	}
#define OPTION_ROW_HIDE(offset)                                                                  \
	{                                                                                        \
		"hide", 0, OPTION_TEXT, offset, "REGEX",                                         \
			"Removes functions whose name, source file or library matches from all " \
			"stacks; their callers get what they allocate. This is for a program's " \
			"own allocators and for containers: '^std::' removes those of C++."      \
	}
#define OPTION_ROW_HIDE_STD                                                                    \
	{                                                                                      \
		"hide-std", 0, OPTION_FLAG, offsetof(struct settings, hide_std), NULL,         \
			"Removes the functions of the standard libraries of C++ and Rust, as " \
			"--hide does."                                                         \
	}
#define OPTION_ROW_COLOR                                                                     \
	{                                                                                    \
		"color", 0, OPTION_TEXT, offsetof(struct settings, color), "WHEN",           \
			"Whether text has colours: auto, the default, on a terminal unless " \
			"NO_COLOR is set; always; or never. Lines fit the terminal, or the " \
			"environment variable COLUMNS; in a file or a pipe they are whole."  \
	}
#define OPTION_ROW_FULL_NAMES                                                                \
	{                                                                                    \
		"full-names", 0, OPTION_FLAG, offsetof(struct settings, full_names), NULL,   \
			"Keeps the arguments in names of functions. Without it, long lists " \
			"of template arguments and parameters are shown as <...> and (...)." \
	}
/* Rows of the commands that call command_symbolize(). */
#define OPTION_ROWS_SYMBOLS                                                                       \
	{"binary",                                                                                \
	 'b',                                                                                     \
	 OPTION_TEXTS,                                                                            \
	 offsetof(struct settings, binaries),                                                     \
	 "FILE",                                                                                  \
	 "A program or library to take names from, wherever it was when the profile was made. "   \
	 "It is matched by its build ID, else by its name. May be given several times."},         \
		{"debug-dir",                                                                     \
		 0,                                                                               \
		 OPTION_TEXTS,                                                                    \
		 offsetof(struct settings, debug_dirs),                                           \
		 "FOLDER",                                                                        \
		 "Where to look for separate debug information. May be given several times. The " \
		 "default is /usr/lib/debug."},                                                   \
		{"sysroot",                                                                       \
		 0,                                                                               \
		 OPTION_TEXT,                                                                     \
		 offsetof(struct settings, sysroot),                                              \
		 "FOLDER",                                                                        \
		 "Looks for programs, libraries and debug information under this folder, the "    \
		 "root of another system."},                                                      \
		{"debuginfod",                                                                    \
		 0,                                                                               \
		 OPTION_FLAG,                                                                     \
		 offsetof(struct settings, debuginfod),                                           \
		 NULL,                                                                            \
		 "Asks the servers in the environment variable DEBUGINFOD_URLS for files that "   \
		 "are not found here. Without this option no server is asked."},                  \
		{"demangle",                                                                      \
		 0,                                                                               \
		 OPTION_TEXT,                                                                     \
		 offsetof(struct settings, demangle),                                             \
		 "STYLE",                                                                         \
		 "How C++ and Rust names are shown: short, without parameters; full; or none, "   \
		 "as in the symbol table. The default is short."},                                \
	{                                                                                         \
		"no-symbols", 'n', OPTION_FLAG, offsetof(struct settings, no_symbols), NULL,      \
			"Does not look for the names of functions."                               \
	}

/* The sentence that opens the help of both programs. */
#define PROGRAMS_DIFFER "heapprof touches processes, pprofconv reads files, and a core is a file."

struct program {
	const char *name;
	const char *summary;   /* for the man page's NAME: lower case, no full stop */
	const char *arguments; /* as the first line of the help shows them */
	const char *purpose;   /* a sentence */
	const char *help_end;  /* lines of the help after the list of commands */
	const struct command *const *commands; /* ends with NULL */
	bool has_default;                      /* the first command may be left out */
	const char *other;                     /* the program that has the commands below */
	const char *const *other_commands;     /* ends with NULL */
	/* Explains a first argument that is not a command; may be NULL. Prints the error and
	 * returns the exit status, or returns 0 if there is nothing more to say than "no command".
	 */
	int (*answer)(const char *word);
	void (*end)(void); /* called after the command */
	/* Parts of the man page, in roff. */
	const char *man_arguments;
	const char *man_description;
	const char *man_rest;
};

/* Runs the command that the arguments name, and checks that standard output has been written.
 * Returns the exit status. */
int program_main(const struct program *program, int argc, char **argv);

/* Returns the name of the running program, for messages. */
const char *program_name(void);

/* Parses the arguments after argv[0] and runs the command. Returns the exit status. */
int program_run_command(const struct command *command, int argc, char **argv);

/* Parses a size as options take it: 4096, 64K. Returns false if the text is not one. */
bool option_parse_size(const char *text, uint64_t *out);

/* Print the text of --help, of one command or of the program. */
void help_print_command(const struct command *command, FILE *stream);
void help_print_program(const struct program *program, FILE *stream);

/* Prints the man page. */
void man_print(const struct program *program, FILE *stream);

/* Print a shell's functions that complete the program's command lines. */
void completion_print_bash(const struct program *program, FILE *stream);
void completion_print_zsh(const struct program *program, FILE *stream);

/* Returns `text` as a word of a shell's command line, all of it printable. Bytes that are not are
 * written as bash, zsh and ksh take them. The caller frees the word. Returns NULL if there is no
 * memory. */
char *shell_word(const char *text);

/* Same as shell_word(), but puts "-- " before a word that would be taken for an option. */
char *shell_operand(const char *text);

/* Prints the program's name, ": " and the message on standard error. Unprintable bytes become '?'.
 * Returns EXIT_BAD. */
int command_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
