/* SPDX-License-Identifier: MIT */
#include "reports/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/short_name.h"
#include "base/std_names.h"

enum {
	NAME_MIN = 26, /* columns for the name, for which others are left out */
	FILE_MIN = 8,  /* columns for a file */
	LEADING = 5,   /* rows that lead a table */
	GAP = 2,       /* before the name, and before the file */
};

void table_deinit(struct table *table)
{
	vec_deinit(&table->rows);
}

struct table_row *table_add(struct table *table, const char *name, const char *file)
{
	struct table_row *row;

	if (vec_reserve(&table->rows, 1))
		return NULL;
	row = &table->rows.items[table->rows.n++];
	memset(row, 0, sizeof(*row));
	row->name = name;
	row->file = file;
	return row;
}

void table_set(struct table_row *row, size_t column, const char *text)
{
	snprintf(row->cells[column], TABLE_CELL_MAX, "%s", text);
}

/* --- what fits ----------------------------------------------------------------------------- */

struct layout {
	size_t widths[TABLE_COLUMNS_MAX]; /* 0: the column is left out */
	size_t name;                      /* columns for the name and the file; 0: any number */
	struct path_folder folder;        /* that is left out of paths */
};

static size_t larger(size_t size, int width)
{
	size_t least = (size_t)(width < 0 ? -width : width);

	return size > least ? size : least;
}

/* Returns the columns that a column of the table needs. */
static size_t needed(const struct table *table, size_t column)
{
	size_t most = columns_count(&table->display->text, table->columns[column].title);

	vec_foreach (row, &table->rows) {
		size_t own = columns_count(&table->display->text, row->cells[column]);

		most = own > most ? own : most;
	}
	return most;
}

static size_t sum_of(const struct table *table, const struct layout *layout)
{
	size_t sum = 0;

	for (size_t i = 0; i < table->n_columns; i++)
		sum += layout->widths[i] ? layout->widths[i] + 1 : 0;
	return sum + GAP - 1;
}

/* Leaves out the least important column. Returns false if there is none. */
static bool leave_out(const struct table *table, struct layout *layout)
{
	size_t least = table->n_columns;

	for (size_t i = 0; i < table->n_columns; i++)
		if (layout->widths[i] && table->columns[i].importance < TABLE_ALWAYS &&
		    (least == table->n_columns ||
		     table->columns[i].importance < table->columns[least].importance))
			least = i;
	if (least == table->n_columns)
		return false;
	layout->widths[least] = 0;
	return true;
}

/* Returns the folder that all files are in. */
static struct path_folder common_folder(const struct table *table)
{
	struct path_folder folder = {0};

	vec_foreach (row, &table->rows)
		path_folder_add(&folder, row->file);
	return folder;
}

static struct layout lay_out(const struct table *table)
{
	size_t width = (size_t)table->display->text.width;
	struct layout layout = {0};

	if (width)
		layout.folder = common_folder(table);
	for (size_t i = 0; i < table->n_columns; i++)
		layout.widths[i] = width ? needed(table, i)
					 : larger(needed(table, i), table->columns[i].width);
	if (!width)
		return layout;
	while (sum_of(table, &layout) + NAME_MIN > width && leave_out(table, &layout))
		;
	layout.name = width > sum_of(table, &layout) ? width - sum_of(table, &layout) : 1;
	return layout;
}

/* --- writing ------------------------------------------------------------------------------- */

static void write_blanks(size_t n, struct output *output)
{
	output_printf(output, "%*s", (int)n, "");
}

static void write_cell(const struct table *table, const struct layout *layout, size_t column,
		       const char *text, struct output *output)
{
	size_t width = layout->widths[column];
	size_t own = columns_count(&table->display->text, text);
	size_t blanks = own < width ? width - own : 0;

	if (!width)
		return;
	if (table->columns[column].width >= 0)
		write_blanks(blanks, output);
	output_text(output, text);
	if (table->columns[column].width < 0)
		write_blanks(blanks, output);
	write_blanks(1, output);
}

static void write_whole(const char *name, const char *file, struct output *output)
{
	output_plain(output, name);
	output_text(output, *file ? "  " : "");
	output_plain(output, file);
}

/* Writes a path whose beginning is cut where there is no room for it. */
static void write_file(const struct display *display, const char *file, size_t room,
		       struct output *output)
{
	char text[COLUMNS_BYTES];

	if (!*file || room < GAP + FILE_MIN)
		return;
	columns_copy_end(&display->text, file, room - GAP, text, sizeof(text));
	output_printf(output, "%*s%s", GAP, "", text);
}

static void write_name(const struct table *table, const struct layout *layout,
		       const struct table_row *row, struct output *output)
{
	char *shorter = table->full_names ? NULL : short_name(row->name);
	const char *name = shorter ? shorter : row->name;
	const char *file = path_within(&layout->folder, row->file);
	char text[COLUMNS_BYTES];
	size_t used;

	if (!layout->name || table->full_names) {
		write_whole(name, file, output);
	} else {
		used = columns_copy_name(&table->display->text, name, layout->name, text,
					 sizeof(text));
		output_text(output, text);
		write_file(table->display, file, layout->name - used, output);
	}
	free(shorter);
}

static void write_titles(const struct table *table, const struct layout *layout,
			 struct output *output)
{
	output_text(output, display_begin(table->display, DISPLAY_BOLD));
	for (size_t i = 0; i < table->n_columns; i++)
		write_cell(table, layout, i, table->columns[i].title, output);
	write_blanks(GAP - 1, output);
	output_text(output, table->names_title);
	output_printf(output, "%s\n", display_end(table->display, DISPLAY_BOLD));
}

void table_write(const struct table *table, struct output *output)
{
	struct layout layout = lay_out(table);

	write_titles(table, &layout, output);
	vec_foreach (row, &table->rows) {
		output_text(output, display_begin(table->display, row->style));
		for (size_t i = 0; i < table->n_columns; i++)
			write_cell(table, &layout, i, row->cells[i], output);
		write_blanks(GAP - 1, output);
		write_name(table, &layout, row, output);
		output_printf(output, "%s\n", display_end(table->display, row->style));
	}
}

/* --- hints --------------------------------------------------------------------------------- */

static bool is_left_out(const struct table *table)
{
	struct layout layout = lay_out(table);

	for (size_t i = 0; i < table->n_columns; i++)
		if (!layout.widths[i])
			return true;
	return false;
}

/* Returns whether the first rows are mostly functions of the standard library. */
static bool is_led_by_std(const struct table *table)
{
	size_t n = table->rows.n < LEADING ? table->rows.n : LEADING, n_std = 0;

	for (size_t i = 0; i < n; i++)
		n_std += std_names_has(table->rows.items[i].name);
	return 2 * n_std > n;
}

void table_write_hint(const struct table *table, struct output *output)
{
	const struct display *display = table->display;

	if (!display->is_terminal && !display->text.width)
		return;
	if (is_led_by_std(table))
		table_write_line(display, DISPLAY_DIM,
				 "hint: --hide-std gives what std:: holds to its callers", output);
	if (is_left_out(table))
		table_write_line(display, DISPLAY_DIM,
				 "hint: a wider terminal, or a pipe, has all columns", output);
}

/* --- lines --------------------------------------------------------------------------------- */

#define INDENT 2 /* of the rest of a line that is broken */

/* Returns the bytes of a text, all of it printable, that fit into `width` columns: up to a space if
 * there is one. */
static size_t size_that_fits(const struct display *display, const char *text, size_t width)
{
	char fits[COLUMNS_BYTES];
	size_t n, space;

	columns_copy(&display->text, text, width, fits, sizeof(fits));
	n = strlen(fits);
	space = n;
	while (space > n / 2 && text[n] && text[space] != ' ')
		space--;
	return text[space] == ' ' ? space : n;
}

static void write_broken(const struct display *display, const char *text, struct output *output)
{
	size_t width = (size_t)display->text.width, indent = 0;

	while (*text) {
		size_t n = size_that_fits(display, text, width > indent ? width - indent : 1);

		if (!n)
			n = 1;
		write_blanks(indent, output);
		output_write(output, text, n);
		text += n;
		text += strspn(text, " ");
		output_text(output, *text ? "\n" : "");
		indent = INDENT;
	}
}

void table_write_line(const struct display *display, enum display_style style, const char *text,
		      struct output *output)
{
	size_t size = strlen(text) + 1;
	char *clean = display->text.width ? malloc(size) : NULL;

	output_text(output, display_begin(display, style));
	if (clean) {
		columns_copy(&display->text, text, SIZE_MAX, clean, size);
		write_broken(display, clean, output);
	} else {
		output_plain(output, text);
	}
	output_printf(output, "%s\n", display_end(display, style));
	free(clean);
}
