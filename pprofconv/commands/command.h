/* SPDX-License-Identifier: MIT */
/* A command is a row with its name, its options and the function that runs it. Arguments are parsed
 * by these rows, and the help and the man page are written from them. Further functions here
 * do what several commands do to a profile: load it, name its locations, save it. */
#pragma once
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/diag.h"
#include "model/profile.h"

#define PROGRAM "pprofconv"

enum { /* exit statuses */
	EXIT_DONE = 0,
	EXIT_GATE = 1,
	EXIT_BAD = 2, /* bad usage or bad input */
};

#define TEXTS_MAX 64

struct texts { /* the arguments of an option that may be given several times */
	const char *items[TEXTS_MAX];
	size_t n;
};

/* Settings are what the options and arguments of one run say. These are the settings that commands
 * share. A command with more has a struct of its own, whose first member is `common`. */
struct settings {
	bool help;
	bool quiet;
	bool verbose;
	const char *from;
	bool is_reproducible; /* sampled dumps keep their counts: no estimates */
	uint64_t max_input_bytes;
	const char *sample_type;
	struct texts binaries;
	struct texts debug_dirs;
	const char *sysroot;
	const char *demangle;
	bool no_symbols;
	bool debuginfod;
	char **inputs; /* the remaining arguments */
	int n_inputs;
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

struct command {
	const char *name;
	const char *arguments; /* without options, as the help shows them */
	const char *summary;   /* one line */
	const char *description;
	const struct option_row *options; /* ends with a row whose name is NULL */
	const struct settings *defaults;  /* the first member of the command's settings */
	size_t settings_size;             /* bytes, with those of its own */
	int (*run)(const struct settings *settings); /* returns the exit status */
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

/* All commands; the default is the first, and NULL ends them. */
extern const struct command *const commands[];

/* Parses the arguments after argv[0] and runs the command. Returns the exit status. */
int command_run(const struct command *command, int argc, char **argv);

/* Print the text of --help, of one command or of the program. */
void command_print_help(const struct command *command, FILE *stream);
void command_print_program_help(FILE *stream);

/* Prints the man page. */
void command_print_man(FILE *stream);

/* Prints "pprofconv: " and the message on standard error. Unprintable bytes become '?'. Returns
 * EXIT_BAD. */
int command_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Reads the profile at `path`, "-" for standard input, and prints warnings. Returns the profile,
 * which the caller frees, or NULL after it printed an error. */
struct profile *command_load(const struct settings *settings, const char *path);

/* Names the profile's locations unless --no-symbols is set, and reports on standard error how many
 * got names and why others did not. Prints the error; returns the exit status. The files with the
 * names stay open for the next profile. `n_profiles` is how many the whole run names: if they are
 * more than two, command_symbolize_end() reports their locations together. It also reports each
 * --binary that was not used. */
int command_symbolize(const struct settings *settings, size_t n_profiles, struct profile *profile);
void command_symbolize_end(void);

struct writer;

/* Writes the profile to `path`, "-" for standard output. Prints the error; returns the exit
 * status. */
int command_save(const struct settings *settings, const struct profile *profile,
		 const struct writer *writer, const char *path);

/* Returns the index of the sample type to use: that of --sample-type, else the profile's default,
 * else the last. Prints an error and returns -1 if the profile lacks the type asked for. */
int command_sample_type(const struct settings *settings, const struct profile *profile);
