/* SPDX-License-Identifier: MIT */
/* Compare options are the options that diff and trend share. This header has their settings, their
 * rows, and the functions that parse their arguments. Each function prints an error if it fails,
 * and returns the exit status. */
#pragma once
#include "base/display.h"
#include "commands/command.h"
#include "transform/filter.h"
#include "transform/frames.h"
#include "transform/suppressions.h"
#include <regex.h>

#define WARNING_MAX 128

/* The settings of the compare options. Both commands' settings have them as the member
 * `compare`. */
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

/* Rows of options that both commands have. `type` is the type of the command's settings. */
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

/* Fails if samples were dropped and there are gates, unless --allow-dropped is set. Otherwise
 * sets `text`, of WARNING_MAX bytes, to a warning about the `n` dropped samples, or to "" if `n`
 * is 0. */
int compare_check_dropped(const struct compare_settings *settings, uint64_t n, bool has_gates,
			  char *text);

/* The row of --tag, whose arguments are kept at this place of the settings; and what parses them
 * into *out, which the caller frees by compare_free_tags(), also after a failure. */
#define OPTION_ROW_TAG(place)                                                                    \
	{                                                                                        \
		"tag", 0, OPTION_TEXTS, place, "KEY=REGEX",                                      \
			"Shows only samples with a label KEY that matches, such as pool=Cache. " \
			"The "                                                                   \
			"labels of pools are memory, pool and pool_path. May be given several "  \
			"times: then all must match. Gates of diff judge all samples."           \
	}
int compare_parse_tags(const struct texts *texts, filter_tag_vec *out);
void compare_free_tags(filter_tag_vec *tags);

/* Parse the arguments of --by and --confidence. */
int compare_parse_by(const char *by, enum frames_by *out_by);
int compare_parse_confidence(const struct compare_settings *settings, double *out_confidence);

/* Reads the files that --suppressions names into *out. Prints an error; returns the exit status. */
int compare_read_suppressions(const struct settings *common, const struct texts *files,
			      struct suppressions *out);

/* Compiles `pattern` into `regex`, which the caller frees by regfree(), and sets *out_regex to
 * `regex`. If `pattern` is NULL, compiles nothing and sets *out_regex to NULL. */
int compare_compile(const char *option, const char *pattern, regex_t *regex,
		    const regex_t **out_regex);

/* Does the same for --hide, to which --hide-std adds the names of the standard libraries. `hide`
 * may be NULL. */
int compare_compile_hide(const struct settings *settings, const char *hide, regex_t *regex,
			 const regex_t **out_regex);

/* Finds out about the display that a report goes to: standard output if `path` is NULL or "-". */
int compare_find_display(const struct settings *settings, const char *path, struct display *out);
