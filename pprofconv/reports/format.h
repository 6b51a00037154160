/* SPDX-License-Identifier: MIT */
/* A formatted value is a number as a text for people. The other functions here write text as
 * Markdown, HTML and JSON need it. */
#pragma once
#include <stdbool.h>

#include "analysis/estimate.h"
#include "base/output.h"
#include "base/path.h"

#define FORMAT_SIZE 256

enum {
	/* Failures shown per gate in reports for people; the largest are shown first. */
	FORMAT_FAILURES_MAX = 30,
	/* Bytes of Markdown after which no new row begins: comments on pull requests are cut or
	 * refused at 64 KiB. */
	FORMAT_COMMENT_MAX = 60000,
	/* Bytes of Markdown after which no new failure of a gate begins, so that there is room for
	 * rows. */
	FORMAT_FAILED_MAX = 30000,
};

struct formatted {
	char text[FORMAT_SIZE];
};

/* Formats a value. Bytes are written in the largest unit in which they are at least 1, other values
 * as integers. */
struct formatted format_value(double value, bool is_bytes);

/* Formats bytes in at most six columns: 0, 512B, 1.00K, 12.3M, -1.00G. */
struct formatted format_compact(double bytes);

/* Formats bytes as the profiler's environment variables take them, such as 64K. */
struct formatted format_setting(double bytes);

/* Formats a value with its sign, also if the sign is +. */
struct formatted format_difference(double value, bool is_bytes);

/* Formats the change from `base` to `new` in percent, such as "+12.3 %". If only `base` is 0, the
 * text is "new"; if only `new` is 0, it is "gone". */
struct formatted format_ratio(double base, double new);

/* Formats an interval, such as "+1.0 MiB to +3.0 MiB". */
struct formatted format_bounds(struct bounds bounds, bool is_bytes);

/* Writes the text with each space replaced by a non-breaking one, so that a number and its unit
 * stay together in a narrow column. */
void format_unbroken(struct output *output, const char *text);

/* Writes the text as code within a cell of a Markdown table. Unprintable bytes become '?'. */
void format_code(struct output *output, const char *text);

/* Where a function and its file are written in Markdown, and how much room there is. */
struct format_room {
	size_t columns;      /* for each of the two */
	const char *between; /* written between them */
};

/* A cell of a table, which with all of its columns is to fit into the 900 pixels that GitHub gives
 * to a comment; and an item of a list. */
extern const struct format_room format_in_cell, format_in_list;

/* Writes a function and its file, which may be "", as code. The name is shortened, and both are cut
 * to the room that there is, unless `full_names` is set. */
void format_place(struct output *output, const char *name, const char *file,
		  const struct format_room *room, bool full_names);

/* Writes which folder paths in the report are relative to, if any. */
void format_folder(struct output *output, const struct path_folder *folder);

/* Writes an interval with spaces at which its cell may be broken in two. */
void format_breakable(struct output *output, const char *text);

/* Writes the name of a sample type, or the text of a gate, as code in Markdown. */
void format_type(struct output *output, const char *type);

/* Writes the text as a string in JSON. */
void format_json(struct output *output, const char *text);

/* Writes the number in JSON, or null if it is not finite. */
void format_json_number(struct output *output, double value);
