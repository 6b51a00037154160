/* SPDX-License-Identifier: MIT */
/* Numbers as people read them, and text as HTML, Markdown and JSON want it. */
#pragma once
#include <stdbool.h>

#include "analysis/estimate.h"
#include "base/output.h"

#define FORMAT_SIZE 256

enum {
	FORMAT_FAILURES_MAX = 30,   /* shown of a gate where people read, the largest first */
	FORMAT_COMMENT_MAX = 60000, /* bytes of Markdown after which nothing more begins: comments
				       are cut or refused at 64 KiB */
	FORMAT_FAILED_MAX = 30000,  /* the same for failures of gates, to leave room for rows */
};

struct formatted {
	char text[FORMAT_SIZE];
};

/* Bytes in the largest unit that leaves a whole number in front; other values as they are. */
struct formatted format_value(double value, bool is_bytes);

/* Bytes as a variable of the profiler takes them: 64K. */
struct formatted format_setting(double bytes);

/* The value with its sign, + too. */
struct formatted format_difference(double value, bool is_bytes);

/* +12.3 %; "new" and "gone" where there is nothing to compare with. */
struct formatted format_ratio(double base, double new);

/* "+1.0 MiB to +3.0 MiB" */
struct formatted format_bounds(struct bounds bounds, bool is_bytes);

/* The text with spaces at which no line breaks, as a number and its unit in a narrow column. */
void format_unbroken(struct output *output, const char *text);

/* The text as code within a cell of a Markdown table; what is not printable becomes '?'. */
void format_code(struct output *output, const char *text);

/* The same of a name, cut to what a table has room for. */
void format_name(struct output *output, const char *name);

/* The name of a type of values, or a limit of them, as code. */
void format_type(struct output *output, const char *type);

/* The text by output_json(). */
void format_json(struct output *output, const char *text);

/* The number as JSON: null if it is not finite. */
void format_json_number(struct output *output, double value);
