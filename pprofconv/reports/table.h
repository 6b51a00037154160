/* SPDX-License-Identifier: MIT */
/* A table is rows of cells, each followed by the name of a function and its file. On a screen no
 * row is wider than the screen: columns take what they need, the least important ones are left out,
 * and names are cut in the middle. Elsewhere every row is whole. */
#pragma once
#include "base/display.h"
#include "base/output.h"
#include "base/vec.h"

enum {
	TABLE_COLUMNS_MAX = 12,
	TABLE_CELL_MAX = 128,
};

struct table_column {
	const char *title;
	int width;      /* at least, where rows are whole; negative: text begins at the left */
	int importance; /* the least important are left out first; TABLE_ALWAYS: never */
};

#define TABLE_ALWAYS 100

struct table_row {
	enum display_style style;
	const char *name, *file;
	char cells[TABLE_COLUMNS_MAX][TABLE_CELL_MAX];
};

struct table {
	const struct display *display;
	const char *names_title;
	bool full_names; /* names are neither shortened nor cut */
	const struct table_column *columns;
	size_t n_columns;
	VEC(struct table_row) rows;
};

void table_deinit(struct table *table);

/* Adds a row, of which the caller fills the cells, and which is valid until the next one is added.
 * `name` and `file` must outlive the table; the file may be "". Returns NULL if memory is out. */
struct table_row *table_add(struct table *table, const char *name, const char *file);

void table_set(struct table_row *row, size_t column, const char *text);

/* Writes the titles and the rows. Failures are kept in the output. */
void table_write(const struct table *table, struct output *output);

/* Writes on a terminal which option shows more, if there is something to say of the rows. */
void table_write_hint(const struct table *table, struct output *output);

/* Writes a line of text of ours and the profile's, broken at spaces so that it fits the screen. The
 * text must not hold newlines. */
void table_write_line(const struct display *display, enum display_style style, const char *text,
		      struct output *output);
