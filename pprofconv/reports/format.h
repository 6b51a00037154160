/* SPDX-License-Identifier: MIT */
/* A formatted value is a number as people read it. Text is written as HTML, Markdown and JSON need
 * it. */
#pragma once
#include <stdbool.h>

#include "analysis/estimate.h"
#include "base/output.h"

#define FORMAT_SIZE 256

enum {
	FORMAT_FAILURES_MAX = 30,   /* shown per gate in reports for people, the largest first */
	FORMAT_COMMENT_MAX = 60000, /* bytes of Markdown after which nothing new begins: comments
				       are cut or refused at 64 KiB */
	FORMAT_FAILED_MAX = 30000,  /* the same for failures of gates, which leaves room for rows */
};

struct formatted {
	char text[FORMAT_SIZE];
};

/* Bytes in the largest unit that leaves an integer part; other values as they are. */
struct formatted format_value(double value, bool is_bytes);

/* Bytes as a variable of the profiler takes them, such as 64K. */
struct formatted format_setting(double bytes);

/* The value with its sign, also if that is +. */
struct formatted format_difference(double value, bool is_bytes);

/* +12.3 %; "new" or "gone" if there is nothing to compare with. */
struct formatted format_ratio(double base, double new);

/* "+1.0 MiB to +3.0 MiB" */
struct formatted format_bounds(struct bounds bounds, bool is_bytes);

/* Writes the text with non-breaking spaces, such as a number and its unit in a narrow column. */
void format_unbroken(struct output *output, const char *text);

/* Writes the text as code within a cell of a Markdown table. Unprintable bytes become '?'. */
void format_code(struct output *output, const char *text);

/* Writes a name likewise, cut to what a table has room for. */
void format_name(struct output *output, const char *name);

/* Writes the name of a sample type, or a limit, as code. */
void format_type(struct output *output, const char *type);

/* Writes the text with output_json(). */
void format_json(struct output *output, const char *text);

/* Writes the number as JSON: null if it is not finite. */
void format_json_number(struct output *output, double value);
