/* SPDX-License-Identifier: MIT */
/* The commands of the program and their options: rows from which arguments are parsed and the help
 * and the man page are written. */
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

struct texts { /* of an option that may be given several times */
	const char *items[TEXTS_MAX];
	size_t n;
};

/* The settings of a run of the program: what its options and arguments say. These are the ones that
 * commands share. A command with more has a struct of its own, whose first member is `common`. */
struct settings {
	bool help;
	bool quiet;
	bool verbose;
	const char *from;
	bool is_reproducible; /* counts of sampled dumps stay as they were taken */
	uint64_t max_input_bytes;
	const char *sample_type;
	struct texts binaries;
	struct texts debug_dirs;
	const char *sysroot;
	const char *demangle;
	bool no_symbols;
	bool debuginfod;
	char **inputs; /* the arguments that are not options */
	int n_inputs;
};

/* From the settings that commands share to the `type` of one command, which they begin. */
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
	char letter; /* 0: none */
	enum option_type type;
	size_t offset;        /* in the command's settings */
	const char *argument; /* how the help calls it; NULL for a flag */
	const char *meaning;  /* full sentences, with the default where there is one */
};

struct command {
	const char *name;
	const char *arguments; /* as the help shows them, without options */
	const char *summary;   /* one line */
	const char *description;
	const struct option_row *options; /* ends with a row without a name */
	const struct settings *defaults;  /* the first member of the command's settings */
	size_t settings_size;             /* of all of them */
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
			"Says on standard error what is read and written."             \
	}
#define OPTION_ROW_FROM                                                                \
	{                                                                              \
		"from", 'f', OPTION_TEXT, offsetof(struct settings, from), "FORMAT",   \
			"The format of the inputs. By default it is found by content." \
	}
#define OPTION_ROW_MAX_INPUT                                                                      \
	{                                                                                         \
		"max-input-bytes", 0, OPTION_SIZE, offsetof(struct settings, max_input_bytes),    \
			"SIZE",                                                                   \
			"Refuses an input that is longer than this, after unpacking. K, M and G " \
			"multiply by 1024 and its powers; 0 is no limit. The default is 1G."      \
	}
#define OPTION_ROW_SAMPLE_TYPE                                                                   \
	{                                                                                        \
		"sample-type", 's', OPTION_TEXT, offsetof(struct settings, sample_type), "TYPE", \
			"Which of a sample's values count, such as alloc_space. The default is " \
			"what the profile itself says, inuse_space for a heap."                  \
	}
#define OPTION_ROW_HIDE(offset)                                                                   \
	{                                                                                         \
		"hide", 0, OPTION_TEXT, offset, "REGEX",                                          \
			"Takes functions that match out of all stacks, by their names, source "   \
			"files or libraries; what they allocate is their callers' then. For the " \
			"allocators of a program's own, and for containers: '^std::' leaves "     \
			"those of C++ out."                                                       \
	}
/* Of the commands that call command_symbolize(). */
#define OPTION_ROWS_SYMBOLS                                                                       \
	{"binary",                                                                                \
	 'b',                                                                                     \
	 OPTION_TEXTS,                                                                            \
	 offsetof(struct settings, binaries),                                                     \
	 "FILE",                                                                                  \
	 "A program or library to take names from, wherever it was when the profile was made; "   \
	 "found by its build ID, else by its name. May be given several times."},                 \
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
		 "Looks for programs, libraries and debug information under this folder, as "     \
		 "those of another system."},                                                     \
		{"debuginfod",                                                                    \
		 0,                                                                               \
		 OPTION_FLAG,                                                                     \
		 offsetof(struct settings, debuginfod),                                           \
		 NULL,                                                                            \
		 "Asks the servers in the environment variable DEBUGINFOD_URLS for what is not "  \
		 "found here. Without it they are never asked."},                                 \
		{"demangle",                                                                      \
		 0,                                                                               \
		 OPTION_TEXT,                                                                     \
		 offsetof(struct settings, demangle),                                             \
		 "STYLE",                                                                         \
		 "How C++ and Rust names are shown: short, without parameters; full; or none, "   \
		 "as in the symbol table. The default is short."},                                \
	{                                                                                         \
		"no-symbols", 'n', OPTION_FLAG, offsetof(struct settings, no_symbols), NULL,      \
			"Leaves the addresses without names."                                     \
	}

/* All commands, the default first; ends with NULL. */
extern const struct command *const commands[];

/* Parses the arguments behind argv[0] and runs the command. Returns the exit status. */
int command_run(const struct command *command, int argc, char **argv);

/* Prints what --help says, of one command or of the program. */
void command_print_help(const struct command *command, FILE *stream);
void command_print_program_help(FILE *stream);

/* Prints the man page. */
void command_print_man(FILE *stream);

/* Prints "pprofconv: " and the message on standard error, with '?' for what of it is not
 * printable. Returns EXIT_BAD. */
int command_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Reads the profile at `path`, "-" for standard input, as the settings say; prints warnings and the
 * error. NULL on failure; else the caller frees it. */
struct profile *command_load(const struct settings *settings, const char *path);

/* Names the profile's locations unless --no-symbols is set, and says on standard error how many got
 * names and why others didn't. Prints the error; returns the exit status. The files with the names
 * stay open for the next profile; where there are more than two, `n_profiles` of the whole run, the
 * end tells how many of their locations got names, and in any case which of --binary were of no
 * use. */
int command_symbolize(const struct settings *settings, size_t n_profiles, struct profile *profile);
void command_symbolize_end(void);

/* Writes the profile to `path`, "-" for standard output, in the format --to names, or pprof. Prints
 * the error; returns the exit status. */
struct writer;
int command_save(const struct settings *settings, const struct profile *profile,
		 const struct writer *writer, const char *path);

/* The place of the values that count: of the sample type asked for, else the profile's default,
 * else the last. Prints an error and returns -1 if there is no such type. */
int command_sample_type(const struct settings *settings, const struct profile *profile);
