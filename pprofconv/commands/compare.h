/* SPDX-License-Identifier: MIT */
/* What the commands that compare profiles share of their options. */
#pragma once
#include "commands/command.h"
#include "transform/frames.h"
#include "transform/suppressions.h"
#include <regex.h>

#define WARNING_MAX 128

/* The settings that diff and trend share, besides those of all commands. */
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

/* Rows that both have; `type` is that of their settings, whose member `compare` these are. */
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

/* What to do where `n` samples were lost: gates judge no such profiles unless that is allowed.
 * Returns the exit status and sets `text`, of WARNING_MAX bytes, to a warning, "" if there is
 * none. */
int compare_check_dropped(const struct compare_settings *settings, uint64_t n, bool has_gates,
			  char *text);

/* What --by and --confidence say. Each prints its error and returns the exit status. */
int compare_parse_by(const struct compare_settings *settings, enum frames_by *out_by);
int compare_parse_confidence(const struct compare_settings *settings, double *out_confidence);

/* Reads the files of --suppressions; compiles an expression, NULL gives NULL. */
int compare_read_suppressions(const struct settings *common,
			      const struct compare_settings *settings, struct suppressions *out);
int compare_compile(const char *option, const char *pattern, regex_t *regex,
		    const regex_t **out_regex);
