/* SPDX-License-Identifier: MIT */
/* Compare options are those that diff and trend share. Here are their settings and rows, and the
 * functions that parse their arguments. These print their error and return the exit status. */
#pragma once
#include "commands/command.h"
#include "transform/frames.h"
#include "transform/suppressions.h"
#include <regex.h>

#define WARNING_MAX 128

/* The member `compare` of both commands' settings. */
struct compare_settings {
	const char *output;
	const char *format;
	uint64_t n_lines;
	const char *by;
	const char *hide;
	struct texts suppressions;
	const char *confidence;
	bool allow_dropped;
};

#define COMPARE_DEFAULTS                                                                \
	{                                                                               \
		.n_lines = 30, .format = "text", .by = "function", .confidence = "0.95" \
	}

/* Rows of both; `type` is that of the command's settings. */
#define OPTION_ROW_OUTPUT(type)                                                     \
	{                                                                           \
		"output", 'o', OPTION_TEXT, offsetof(type, compare.output), "FILE", \
			"Where to write. The default is standard output."           \
	}
#define OPTION_ROW_SUPPRESSIONS(type)                                                          \
	{                                                                                      \
		"suppressions", 0, OPTION_TEXTS, offsetof(type, compare.suppressions), "FILE", \
			"Leaves out samples with a function, source file or library on this "  \
			"list, whose lines are leak:PATTERN as for LeakSanitizer. May be "     \
			"given several times."                                                 \
	}

/* Refuses `n` dropped samples if there are gates, unless --allow-dropped is set. Else sets `text`,
 * of WARNING_MAX bytes, to a warning of them, or to "" if `n` is 0. */
int compare_check_dropped(const struct compare_settings *settings, uint64_t n, bool has_gates,
			  char *text);

/* Parse the argument of --by and --confidence. */
int compare_parse_by(const struct compare_settings *settings, enum frames_by *out_by);
int compare_parse_confidence(const struct compare_settings *settings, double *out_confidence);

/* Reads the files of --suppressions. */
int compare_read_suppressions(const struct settings *common,
			      const struct compare_settings *settings, struct suppressions *out);

/* Compiles a regular expression; *out_regex is NULL if `pattern` is, else `regex`, which the caller
 * frees by regfree(). */
int compare_compile(const char *option, const char *pattern, regex_t *regex,
		    const regex_t **out_regex);
