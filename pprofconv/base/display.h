/* SPDX-License-Identifier: MIT */
/* A display is what is known of the terminal that shows a report: its width, its characters, and
 * whether it shows colours. */
#pragma once
#include "base/columns.h"

enum display_style {
	DISPLAY_PLAIN,
	DISPLAY_BOLD,
	DISPLAY_RED,
	DISPLAY_GREEN,
	DISPLAY_DIM,
};

struct display {
	struct terminal_text text; /* text.width is 0 if lines may have any length */
	bool has_color;
	bool is_terminal;
};

/* A file or a pipe: lines of any length, without colours. */
extern const struct display display_none;

/* Finds out about standard output. The width is that of the environment variable COLUMNS, else that
 * of the terminal, else not limited: what goes to a file or a pipe is not cut. `color` is "auto",
 * "always" or "never"; with "auto" a terminal gets colours, unless it is a dumb one or NO_COLOR is
 * set. Returns false if `color` is something else. */
bool display_init(struct display *display, const char *color);

/* Returns the escape sequence with which text in that style begins, or ends: "" without colours. */
const char *display_begin(const struct display *display, enum display_style style);
const char *display_end(const struct display *display, enum display_style style);
