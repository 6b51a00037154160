/* SPDX-License-Identifier: MIT */
#include "reports/mappings_report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/format.h"
#include "reports/table.h"

/* A row is a part, or all parts of a kind together. */
struct row {
	const char *kind, *object; /* object: NULL for a kind */
	int64_t values[MAPPED_VALUES];
	int64_t grown;      /* since the first look */
	int64_t kind_order; /* what its kind is sorted by */
};

typedef VEC(struct row) row_vec;

/* --- rows ---------------------------------------------------------------------------------- */

static int64_t held(const int64_t *values)
{
	return values[MAPPED_RESIDENT] + values[MAPPED_SWAPPED];
}

static int64_t held_before(const struct mappings_report *report, const struct mapped_part *part)
{
	const struct mapped_part *first =
		mapped_memory_find(report->first, part->kind, part->object);

	return first ? held(first->values) : 0;
}

static void add_to(struct row *row, const struct row *other)
{
	for (int i = 0; i < MAPPED_VALUES; i++)
		row->values[i] += other->values[i];
	row->grown += other->grown;
}

static struct row *find_kind(const row_vec *rows, const char *kind)
{
	vec_foreach (row, rows)
		if (!row->object && strcmp(row->kind, kind) == 0)
			return row;
	return NULL;
}

static int add_row(row_vec *rows, const struct row *row)
{
	struct row *kind = find_kind(rows, row->kind);
	struct row new = *row;
	int r = 0;

	new.object = NULL;
	if (kind)
		add_to(kind, row);
	else
		r = vec_push(rows, new);
	return r ? r : vec_push(rows, *row);
}

/* Parts that are gone are rows, too: all that they held is less. */
static int add_gone(const struct mappings_report *report, row_vec *rows)
{
	int r = 0;

	vec_foreach (part, &report->first->parts) {
		struct row row = {part->kind, part->object, {0}, -held(part->values), 0};

		if (!r && row.grown &&
		    !mapped_memory_find(report->memory, part->kind, part->object))
			r = add_row(rows, &row);
	}
	return r;
}

static int compare_numbers(int64_t a, int64_t b)
{
	return a > b ? -1 : a < b;
}

/* Sorts kinds, and the objects of a kind, by what has grown, then by what they hold. */
static int compare_rows(const void *left, const void *right)
{
	const struct row *a = left, *b = right;
	int order = compare_numbers(a->kind_order, b->kind_order);

	order = order ? order : strcmp(a->kind, b->kind);
	order = order ? order : (a->object != NULL) - (b->object != NULL);
	order = order ? order : compare_numbers(a->grown, b->grown);
	order = order ? order : compare_numbers(held(a->values), held(b->values));
	order = order ? order : compare_numbers(a->values[MAPPED_SIZE], b->values[MAPPED_SIZE]);
	return order || !a->object ? order : strcmp(a->object, b->object);
}

static int make_rows(const struct mappings_report *report, row_vec *rows)
{
	int r = 0;

	vec_foreach (part, &report->memory->parts) {
		struct row row = {.kind = part->kind, .object = part->object};

		memcpy(row.values, part->values, sizeof(row.values));
		if (report->first)
			row.grown = held(part->values) - held_before(report, part);
		r = r ? r : add_row(rows, &row);
	}
	if (!r && report->first)
		r = add_gone(report, rows);
	if (r)
		return r;
	vec_foreach (row, rows) {
		const struct row *kind = find_kind(rows, row->kind);

		row->kind_order = report->first ? kind->grown : held(kind->values);
	}
	if (rows->n)
		qsort(rows->items, rows->n, sizeof(*rows->items), compare_rows);
	return 0;
}

/* --- text ---------------------------------------------------------------------------------- */

enum {
	GROWN,
	RESIDENT,
	DIRTY,
	SWAPPED,
	UNTOUCHED,
	ZEROS,
	HUGE_PAGES,
	SIZE,
	N_COLUMNS,
};

static const struct table_column columns[N_COLUMNS] = {
	[GROWN] = {"grown", 8, TABLE_ALWAYS},
	[RESIDENT] = {"resident", 8, TABLE_ALWAYS},
	[DIRTY] = {"dirty", 8, 5},
	[SWAPPED] = {"swapped", 8, 2},
	[UNTOUCHED] = {"untouched", 9, 4},
	[ZEROS] = {"zeros", 6, 4},
	[HUGE_PAGES] = {"huge", 8, 1},
	[SIZE] = {"size", 8, 3},
};

static struct formatted format_cell(const struct row *row, int cell)
{
	static const enum mapped_value values[N_COLUMNS] = {
		[RESIDENT] = MAPPED_RESIDENT, [DIRTY] = MAPPED_DIRTY,
		[SWAPPED] = MAPPED_SWAPPED,   [UNTOUCHED] = MAPPED_UNTOUCHED,
		[HUGE_PAGES] = MAPPED_HUGE,   [SIZE] = MAPPED_SIZE,
	};
	struct formatted text = {"-"};

	if (cell == GROWN) {
		text = format_compact((double)row->grown);
		if (row->grown > 0) {
			memmove(text.text + 1, text.text, sizeof(text.text) - 1);
			text.text[0] = '+';
			text.text[sizeof(text.text) - 1] = '\0';
		}
		return text;
	}
	if (cell != ZEROS)
		return format_compact((double)row->values[values[cell]]);
	if (row->values[MAPPED_READ])
		snprintf(text.text, sizeof(text.text), "%.0f %%",
			 100 * (double)row->values[MAPPED_ZERO] / (double)row->values[MAPPED_READ]);
	return text;
}

/* Returns the columns of this report, and their number. Growth is there from the second look on; a
 * core has none of the kernel's numbers. */
static size_t choose(const struct mappings_report *report, struct table_column *out, int *out_cells)
{
	size_t n = 0;

	for (int i = 0; i < N_COLUMNS; i++) {
		bool is_of_core = i == RESIDENT || i == ZEROS || i == SIZE;

		if ((i == GROWN && !report->first) ||
		    (i != GROWN && !report->memory->has_memory_numbers && !is_of_core))
			continue;
		out[n] = columns[i];
		if (i == RESIDENT && !report->memory->has_memory_numbers)
			out[n].title = "in core";
		out_cells[n++] = i;
	}
	return n;
}

static void write_title(const struct mappings_report *report, const struct row *sum,
			struct output *output)
{
	output_text(output, display_begin(&report->display, DISPLAY_BOLD));
	output_plain(output, report->name);
	if (report->memory->has_memory_numbers)
		output_printf(output, ": %s resident, %s dirty, %s swapped",
			      format_value((double)sum->values[MAPPED_RESIDENT], true).text,
			      format_value((double)sum->values[MAPPED_DIRTY], true).text,
			      format_value((double)sum->values[MAPPED_SWAPPED], true).text);
	else
		output_printf(output, ": %s of memory",
			      format_value((double)sum->values[MAPPED_RESIDENT], true).text);
	output_printf(output, "; %" PRId64 " mappings", sum->values[MAPPED_COUNT]);
	if (report->first)
		output_printf(output, "; %s since the first look",
			      format_difference((double)sum->grown, true).text);
	output_printf(output, "%s\n", display_end(&report->display, DISPLAY_BOLD));
}

/* The name of a row in the table: that of an object is indented. The names are kept until the table
 * is written. */
struct row_name {
	char text[sizeof(((struct mapped_part *)0)->object) + 4];
};

static int add_table_row(struct table *table, const struct row *row, const int *cells,
			 struct row_name *name)
{
	struct table_row *added;

	if (row->object)
		snprintf(name->text, sizeof(name->text), "  %s", row->object);
	else
		snprintf(name->text, sizeof(name->text), "%s", row->kind);
	added = table_add(table, name->text, "");
	if (!added)
		return -ENOMEM;
	if (!row->object)
		added->style = DISPLAY_BOLD;
	for (size_t i = 0; i < table->n_columns; i++)
		table_set(added, i, format_cell(row, cells[i]).text);
	return 0;
}

/* Adds the rows, of each kind the first objects only, and one that says how many more there are. */
static int add_table_rows(const struct mappings_report *report, struct table *table,
			  const row_vec *rows, const int *cells, struct row_name *names)
{
	size_t n_objects = 0;
	int r = 0;

	for (size_t i = 0; !r && i < rows->n; i++) {
		const struct row *row = &rows->items[i];
		bool is_last = i + 1 == rows->n || !row[1].object;

		n_objects = row->object ? n_objects + 1 : 0;
		if (!report->n_lines || n_objects <= report->n_lines)
			r = add_table_row(table, row, cells, &names[i]);
		else if (is_last) {
			snprintf(names[i].text, sizeof(names[i].text), "  ... %zu more",
				 n_objects - report->n_lines);
			r = table_add(table, names[i].text, "") ? 0 : -ENOMEM;
		}
	}
	return r;
}

static int write_rows(const struct mappings_report *report, const row_vec *rows,
		      struct output *output)
{
	struct table_column chosen[N_COLUMNS];
	int cells[N_COLUMNS];
	struct table table = {
		.display = &report->display,
		.names_title = "memory",
		.full_names = true, /* of memory, not of functions */
		.columns = chosen,
		.n_columns = choose(report, chosen, cells),
	};
	struct row_name *names = calloc(rows->n + 1, sizeof(*names));
	int r = names ? add_table_rows(report, &table, rows, cells, names) : -ENOMEM;

	if (!r)
		table_write(&table, output);
	table_deinit(&table);
	free(names);
	return r;
}

static void write_texts(const struct mappings_report *report, struct output *output)
{
	size_t n = report->n_texts;

	if (!n)
		return;
	if (report->n_lines && n > 2 * report->n_lines)
		n = 2 * report->n_lines;
	output_text(output, "the strings that repeat most, at least so often:\n");
	for (size_t i = 0; i < n; i++) {
		const struct repeated_text *text = &report->texts[i];

		output_printf(output, "%8s %8" PRIu64 "  ",
			      format_compact((double)text->count * (double)text->size).text,
			      text->count);
		output_plain(output, text->text);
		output_text(output, text->size > REPEATED_TEXT_SHOWN ? "...\n" : "\n");
	}
}

static void add_up(const row_vec *rows, struct row *out)
{
	*out = (struct row){0};
	vec_foreach (row, rows)
		if (!row->object)
			add_to(out, row);
}

int mappings_report_text(const struct mappings_report *report, struct output *output)
{
	row_vec rows = {0};
	struct row sum;
	int r = make_rows(report, &rows);

	if (!r) {
		add_up(&rows, &sum);
		write_title(report, &sum, output);
		r = write_rows(report, &rows, output);
	}
	if (!r)
		write_texts(report, output);
	vec_deinit(&rows);
	return r;
}

/* --- JSON ---------------------------------------------------------------------------------- */

static void write_json_row(const struct mappings_report *report, const struct row *row,
			   struct output *output)
{
	static const char *const names[MAPPED_VALUES] = {
		[MAPPED_SIZE] = "size",           [MAPPED_RESIDENT] = "resident",
		[MAPPED_DIRTY] = "dirty",         [MAPPED_SWAPPED] = "swapped",
		[MAPPED_UNTOUCHED] = "untouched", [MAPPED_HUGE] = "huge",
		[MAPPED_READ] = "read",           [MAPPED_ZERO] = "zero",
		[MAPPED_COUNT] = "mappings",
	};

	output_text(output, "{\"kind\":");
	output_json(output, row->kind, strlen(row->kind));
	output_text(output, ",\"object\":");
	output_json(output, row->object, strlen(row->object));
	for (int i = 0; i < MAPPED_VALUES; i++)
		if (report->memory->has_memory_numbers || i == MAPPED_SIZE ||
		    i == MAPPED_RESIDENT || i >= MAPPED_READ)
			output_printf(output, ",\"%s\":%" PRId64, names[i], row->values[i]);
	if (report->first)
		output_printf(output, ",\"grown\":%" PRId64, row->grown);
	output_text(output, "}");
}

int mappings_report_json(const struct mappings_report *report, struct output *output)
{
	row_vec rows = {0};
	const char *separator = "";
	int r = make_rows(report, &rows);

	if (!r) {
		output_text(output, "{\"process\":");
		output_json(output, report->name, strlen(report->name));
		output_text(output, ",\"memory\":[");
		vec_foreach (row, &rows) {
			if (!row->object)
				continue;
			output_text(output, separator);
			write_json_row(report, row, output);
			separator = ",";
		}
		output_text(output, "]}\n");
	}
	vec_deinit(&rows);
	return r;
}
