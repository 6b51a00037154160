/* SPDX-License-Identifier: MIT */
/* What the commands that compare profiles share of their options. */
#pragma once
#include "commands/command.h"
#include "transform/frames.h"
#include "transform/suppressions.h"
#include <regex.h>

#define WARNING_MAX 128

/* What to do where `n` samples were lost: gates judge no such profiles unless that is allowed.
 * Returns the exit status and sets `text`, of WARNING_MAX bytes, to a warning, "" if there is
 * none. */
int compare_check_dropped(const struct settings *settings, uint64_t n, bool has_gates, char *text);

/* What --by and --confidence say. Each prints its error and returns the exit status. */
int compare_parse_by(const struct settings *settings, enum frames_by *out_by);
int compare_parse_confidence(const struct settings *settings, double *out_confidence);

/* Reads the files of --suppressions; compiles an expression, NULL gives NULL. */
int compare_read_suppressions(const struct settings *settings, struct suppressions *out);
int compare_compile(const char *option, const char *pattern, regex_t *regex,
		    const regex_t **out_regex);
