/* SPDX-License-Identifier: MIT */
#include "reports/trend_report.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/format.h"
#include "reports/table.h"

#define SPARKS_MAX 32  /* three bytes each: they fit into a cell of a table */
#define WIDE       120 /* columns of a screen that has room for them */

/* Formats a slope, such as "+1.0 MiB/h". */
static struct formatted format_slope(const struct dump_series *series, double slope)
{
	struct formatted value = format_difference(slope, series->is_bytes), formatted;

	snprintf(formatted.text, sizeof(formatted.text), "%.200s/%s", value.text,
		 series->has_time ? "h" : "dump");
	return formatted;
}

static const char *row_name(const struct dump_series *series, const struct dump_series_row *row)
{
	return strtab_text(&series->strings, row->name);
}

static const char *row_file(const struct dump_series *series, const struct dump_series_row *row)
{
	return strtab_text(&series->strings, row->file);
}

char *trend_describe_failure(const struct trend_report *report, const struct dump_series_row *row)
{
	const struct dump_series *series = report->series;
	char *text;

	assert(report->gate);
	if (asprintf(&text, "%s of %s%s%s grows by %s; limit %s", series->type,
		     row_name(series, row), row->file ? " in " : "", row_file(series, row),
		     format_slope(series, row->trend.slope).text,
		     strchr(report->gate, '=') + 1) < 0)
		return NULL;
	return text;
}

/* Returns ", in the order given: ..." with the reason, or "" if the dumps are in the order of their
 * times. */
static const char *describe_order(const struct dump_series *series)
{
	return series->has_time ? ""
	       : series->has_equal_times
		       ? ", in the order given: some were written at the same time"
		       : ", in the order given: some have no times";
}

static size_t n_shown(const struct trend_report *report)
{
	size_t n = report->series->rows.n;

	return report->n_top && report->n_top < n ? report->n_top : n;
}

static double highest(const struct trend_point *points, size_t n)
{
	double found = 0;

	for (size_t i = 0; i < n; i++)
		found = fmax(found, points[i].value);
	return found;
}

/* Writes the values of a row as up to `most` bars of eight heights, beginning at 0. Of a longer
 * series, evenly spaced values are chosen. `out` has room for 3 bytes per bar and a NUL. */
static void put_sparkline(const struct dump_series *series, const struct dump_series_row *row,
			  size_t most, char *out)
{
	static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	const struct trend_point *points = dump_series_points(series, row);
	double top = highest(points, series->n_dumps);
	size_t n = series->n_dumps < most ? series->n_dumps : most;

	*out = '\0';
	for (size_t i = 0; i < n; i++) {
		size_t at = n > 1 ? i * (series->n_dumps - 1) / (n - 1) : 0;
		double height = top > 0 ? fmax(0, points[at].value) / top : 0;

		out = stpcpy(out, bars[(size_t)fmin(7, floor(height * 8))]);
	}
}

static double last_value(const struct dump_series *series, const struct dump_series_row *row)
{
	return dump_series_points(series, row)[series->n_dumps - 1].value;
}

/* --- rows that are not sure ---------------------------------------------------------------- */

#define TIMES_MAX 100 /* advice to run more than so many times as long is not useful */

/* Returns the total if its verdict is "not sure" and its slope is upwards. Otherwise returns the
 * steepest such row among those that are shown, or NULL if there is none. */
static const struct dump_series_row *find_unsure(const struct trend_report *report)
{
	const struct dump_series *series = report->series;

	if (series->total.trend.verdict == TREND_NOT_SURE && series->total.trend.slope > 0)
		return &series->total;
	for (size_t i = 0; i < n_shown(report); i++) { /* sorted by verdict, then by slope */
		const struct dump_series_row *row = &series->rows.items[i];

		if (row->trend.verdict == TREND_NOT_SURE && row->trend.slope > 0)
			return row;
	}
	return NULL;
}

/* Returns the largest power of two that is no more than `interval`, but at least 1. */
static double choose_interval(double interval)
{
	return exp2(floor(log2(fmax(1, interval))));
}

static void put_remedy(const struct dump_series *series, const struct trend_remedy *remedy,
		       struct formatted *text)
{
	size_t used = strlen(text->text), left = sizeof(text->text) - used;
	bool is_sampled = series->interval > 1, is_long = remedy->times <= TIMES_MAX;

	if (remedy->times <= 1)
		snprintf(text->text + used, left, "more dumps of the run would show");
	else if (is_sampled && is_long)
		snprintf(text->text + used, left,
			 "a run %.0f times as long would show, "
			 "or HEAP_PROFILE_SAMPLE_INTERVAL=%.24s",
			 ceil(remedy->times),
			 format_setting(choose_interval(series->interval * remedy->part)).text);
	else if (is_sampled)
		snprintf(text->text + used, left, "HEAP_PROFILE_SAMPLE_INTERVAL=%.24s would show",
			 format_setting(choose_interval(series->interval * remedy->part)).text);
	else
		snprintf(text->text + used, left, "a run %.0f times as long would show",
			 ceil(remedy->times));
}

/* Describes the row that find_unsure() finds, and what would decide its verdict. Returns "" if
 * there is no such row. */
static struct formatted describe_unsure(const struct trend_report *report)
{
	const struct dump_series *series = report->series;
	const struct dump_series_row *row = find_unsure(report);
	struct formatted text = {""};
	struct trend_remedy remedy;

	if (!row)
		return text;
	remedy = dump_series_find_remedy(series, row, report->confidence);
	snprintf(text.text, sizeof(text.text), "not sure whether %.80s grows by %.40s: ",
		 row == &series->total ? "(total)" : row_name(series, row),
		 format_slope(series, row->trend.slope).text);
	put_remedy(series, &remedy, &text);
	return text;
}

/* --- text ---------------------------------------------------------------------------------- */

enum {
	SLOPE,
	VERDICT,
	FIRST,
	LAST,
	VALUES,
	N_COLUMNS,
};

static const struct table_column columns[] = {
	{"slope", 16, TABLE_ALWAYS},
	{" verdict", -17, TABLE_ALWAYS},
	{"first", 12, 1},
	{"last", 12, 3},
	{" values", -7, 2},
};

static const struct display *display_of(const struct trend_report *report)
{
	return report->display ? report->display : &display_none;
}

static enum display_style style_of(enum trend_verdict verdict)
{
	return verdict == TREND_GROWS     ? DISPLAY_RED
	       : verdict == TREND_SHRINKS ? DISPLAY_GREEN
					  : DISPLAY_PLAIN;
}

/* A wide screen has room for more of the values than others. */
static size_t n_sparks(const struct display *display)
{
	return display->text.width && display->text.width < WIDE ? SPARKS_MAX / 4 : SPARKS_MAX;
}

static int add_text_row(const struct trend_report *report, const struct dump_series_row *row,
			const char *name, const char *file, struct table *table)
{
	const struct dump_series *series = report->series;
	struct table_row *added = table_add(table, name, file);

	if (!added)
		return -ENOMEM;
	added->style = style_of(row->trend.verdict);
	table_set(added, SLOPE, format_slope(series, row->trend.slope).text);
	snprintf(added->cells[VERDICT], TABLE_CELL_MAX, " %s",
		 trend_verdict_name(row->trend.verdict));
	table_set(added, FIRST,
		  format_value(dump_series_points(series, row)[0].value, series->is_bytes).text);
	table_set(added, LAST, format_value(last_value(series, row), series->is_bytes).text);
	added->cells[VALUES][0] = ' ';
	put_sparkline(series, row, n_sparks(display_of(report)), added->cells[VALUES] + 1);
	return 0;
}

/* Adds the total, then the rows. Rows without any value are left out. */
static int add_text_rows(const struct trend_report *report, struct table *table)
{
	const struct dump_series *series = report->series;
	int r = add_text_row(report, &series->total, "(total)", "", table);

	for (size_t i = 0; !r && i < n_shown(report); i++) {
		const struct dump_series_row *row = &series->rows.items[i];

		if (highest(dump_series_points(series, row), series->n_dumps) > 0)
			r = add_text_row(report, row, row_name(series, row), row_file(series, row),
					 table);
	}
	return r;
}

static void write_text_rows(const struct trend_report *report, struct output *output)
{
	struct table table = {.display = display_of(report),
			      .names_title = report->by,
			      .full_names = report->full_names,
			      .columns = columns,
			      .n_columns = N_COLUMNS};

	if (add_text_rows(report, &table)) {
		output_fail(output, -ENOMEM);
	} else {
		table_write(&table, output);
		if (n_shown(report) < report->series->rows.n)
			output_printf(output, "%16s  (%zu more; --top=0 shows all)\n", "...",
				      report->series->rows.n - n_shown(report));
		table_write_hint(&table, output);
	}
	table_deinit(&table);
}

static void write_text_line(const struct trend_report *report, const char *before, const char *text,
			    struct output *output)
{
	char *line;

	if (asprintf(&line, "%s%s", before, text) < 0) {
		output_fail(output, -ENOMEM);
		return;
	}
	table_write_line(display_of(report), DISPLAY_PLAIN, line, output);
	free(line);
}

static void write_text_failure(const struct trend_report *report, const struct dump_series_row *row,
			       struct output *output)
{
	char *text = trend_describe_failure(report, row);

	if (text)
		write_text_line(report, "gate failed: ", text, output);
	else
		output_fail(output, -ENOMEM);
	free(text);
}

static void write_text_gate(const struct trend_report *report, struct output *output)
{
	size_t n = 0;

	if (report->gate && !report->has_failed)
		write_text_line(report, "gate passed: ", report->gate, output);
	for (size_t i = 0; i < report->series->rows.n; i++)
		if (report->failures[i] && n++ < FORMAT_FAILURES_MAX)
			write_text_failure(report, &report->series->rows.items[i], output);
	if (n > FORMAT_FAILURES_MAX)
		output_printf(output, "gate failed: %zu more\n", n - FORMAT_FAILURES_MAX);
}

static void write_text(const struct trend_report *report, struct output *output)
{
	const struct dump_series *series = report->series;
	struct formatted unsure = describe_unsure(report);
	char text[2 * FORMAT_SIZE];

	snprintf(text, sizeof(text), "%.200s of %zu dumps%s", series->type, series->n_dumps,
		 describe_order(series));
	table_write_line(display_of(report), DISPLAY_BOLD, text, output);
	for (size_t i = 0; report->warnings[i]; i++)
		write_text_line(report, "warning: ", report->warnings[i], output);
	write_text_gate(report, output);
	if (*unsure.text)
		write_text_line(report, "", unsure.text, output);
	write_text_rows(report, output);
}

/* --- Markdown ------------------------------------------------------------------------------ */

/* Returns the folder of the files of the rows that are shown, unless names are to be whole. */
static struct path_folder find_folder(const struct trend_report *report)
{
	const struct dump_series *series = report->series;
	struct path_folder folder = {0};

	for (size_t i = 0; !report->full_names && i < series->rows.n; i++)
		if (i < n_shown(report) || report->failures[i])
			path_folder_add(&folder, row_file(series, &series->rows.items[i]));
	return folder;
}

static void write_place(const struct trend_report *report, const struct path_folder *folder,
			const struct dump_series_row *row, const struct format_room *room,
			struct output *output)
{
	const struct dump_series *series = report->series;

	format_place(output, row_name(series, row), path_within(folder, row_file(series, row)),
		     room, report->full_names);
}

static void write_markdown_gate(const struct trend_report *report, const struct path_folder *folder,
				struct output *output)
{
	const struct dump_series *series = report->series;
	size_t n_failed = 0, n = 0;

	if (report->gate && !report->has_failed) {
		output_text(output, "- ✅ ");
		format_type(output, report->gate);
		output_text(output, " per function\n\n");
	}
	for (size_t i = 0; i < series->rows.n; i++) {
		const struct dump_series_row *row = &series->rows.items[i];

		n_failed += report->failures[i];
		if (!report->failures[i] || n == FORMAT_FAILURES_MAX ||
		    output_size(output) > FORMAT_FAILED_MAX)
			continue;
		n++;
		assert(report->gate);
		output_text(output, "- ❌ ");
		format_type(output, series->type);
		output_text(output, " of ");
		write_place(report, folder, row, &format_in_list, output);
		output_printf(output, " grows by %s; limit %s\n",
			      format_slope(series, row->trend.slope).text,
			      strchr(report->gate, '=') + 1);
	}
	if (n < n_failed)
		output_printf(output, "- ❌ %zu more\n", n_failed - n);
	if (report->has_failed)
		output_text(output, "\n");
}

/* Writes the cells of a row up to its name, with `mark` around the slope. */
static void write_values(const struct dump_series *series, const struct dump_series_row *row,
			 const char *mark, struct output *output)
{
	char sparks[TABLE_CELL_MAX];

	output_printf(output, "| %s", mark);
	format_unbroken(output, format_slope(series, row->trend.slope).text);
	output_printf(output, "%s | %s | ", mark, trend_verdict_name(row->trend.verdict));
	format_unbroken(
		output,
		format_value(dump_series_points(series, row)[0].value, series->is_bytes).text);
	output_text(output, " | ");
	format_unbroken(output, format_value(last_value(series, row), series->is_bytes).text);
	output_text(output, " | ");
	put_sparkline(series, row, SPARKS_MAX, sparks);
	output_printf(output, "%s | ", sparks);
}

static void write_table(const struct trend_report *report, const struct path_folder *folder,
			struct output *output)
{
	const struct dump_series *series = report->series;
	size_t n = n_shown(report), i;

	output_text(output, "| slope | verdict | first | last | values | function |\n"
			    "|--:|---|--:|--:|---|---|\n");
	write_values(series, &series->total, "", output);
	output_text(output, "total |\n");
	for (i = 0; i < n && output_size(output) < FORMAT_COMMENT_MAX; i++) {
		const struct dump_series_row *row = &series->rows.items[i];

		write_values(series, row, report->failures[i] ? "**" : "", output);
		write_place(report, folder, row, &format_in_cell, output);
		output_text(output, " |\n");
	}
	if (i < series->rows.n)
		output_printf(output, "\n%zu more are not shown.\n", series->rows.n - i);
}

static void write_markdown(const struct trend_report *report, struct output *output)
{
	const struct dump_series *series = report->series;
	const struct path_folder folder = find_folder(report);
	struct formatted unsure = describe_unsure(report);

	output_printf(output, "### %s\n\n",
		      report->has_failed ? "❌ Heap trend: the gate failed"
		      : report->gate     ? "✅ Heap trend: the gate passed"
					 : "Heap trend");
	format_type(output, series->type);
	output_printf(output, " over %zu dumps%s.\n\n", series->n_dumps, describe_order(series));
	write_markdown_gate(report, &folder, output);
	for (size_t i = 0; report->warnings[i]; i++) {
		output_text(output, "> ⚠️ ");
		format_code(output, report->warnings[i]);
		output_text(output, "\n\n");
	}
	if (*unsure.text) {
		format_code(output, unsure.text);
		output_text(output, "\n\n");
	}
	write_table(report, &folder, output);
	if (folder.size) {
		output_text(output, "\n<sub>");
		format_folder(output, &folder);
		output_text(output, "</sub>\n");
	}
}

/* --- JSON ---------------------------------------------------------------------------------- */

static void write_json_row(const struct dump_series *series, const struct dump_series_row *row,
			   struct output *output)
{
	const struct trend_point *points = dump_series_points(series, row);

	output_printf(output,
		      "\"verdict\":\"%s\",\"slope\":", trend_verdict_name(row->trend.verdict));
	format_json_number(output, row->trend.slope);
	output_text(output, ",\"p_rise\":");
	format_json_number(output, row->trend.p_rise);
	output_text(output, ",\"deviation\":");
	format_json_number(output, row->trend.deviation);
	output_printf(output, ",\"without_exit\":%s",
		      dump_series_is_cut(series, row) ? "true" : "false");
	output_printf(output, ",\"judged\":%zu", row->n_judged);
	output_text(output, ",\"values\":[");
	for (size_t i = 0; i < series->n_dumps; i++) {
		output_text(output, i ? "," : "");
		format_json_number(output, points[i].value);
	}
	output_text(output, "]}");
}

static void write_json(const struct trend_report *report, struct output *output)
{
	const struct dump_series *series = report->series;
	struct formatted unsure = describe_unsure(report);

	output_text(output, "{\"schema\":\"pprofconv-trend\",\"version\":1,\"type\":");
	format_json(output, series->type);
	output_printf(output, ",\"unit\":\"%s\",\"per\":\"%s\",\"one_run\":%s,\"passed\":%s",
		      series->is_bytes ? "bytes" : "count", series->has_time ? "hour" : "dump",
		      series->is_one_run ? "true" : "false", report->has_failed ? "false" : "true");
	output_text(output, ",\n\"times\":[");
	for (size_t i = 0; i < series->n_dumps; i++) {
		output_text(output, i ? "," : "");
		format_json_number(output, dump_series_points(series, &series->total)[i].time);
	}
	output_text(output, "],\n\"warnings\":[");
	for (size_t i = 0; report->warnings[i]; i++) {
		output_text(output, i ? "," : "");
		format_json(output, report->warnings[i]);
	}
	output_text(output, "],\n\"unsure\":");
	if (*unsure.text)
		format_json(output, unsure.text);
	else
		output_text(output, "null");
	output_text(output, ",\n\"total\":{");
	write_json_row(series, &series->total, output);
	output_text(output, ",\n\"rows\":[");
	for (size_t i = 0; i < n_shown(report); i++) {
		const struct dump_series_row *row = &series->rows.items[i];

		output_text(output, i ? ",\n{\"name\":" : "\n{\"name\":");
		format_json(output, row_name(series, row));
		output_text(output, ",\"file\":");
		format_json(output, row_file(series, row));
		output_printf(output, ",\"failed\":%s,", report->failures[i] ? "true" : "false");
		write_json_row(series, row, output);
	}
	output_text(output, "]}\n");
}

const struct trend_format trend_formats[] = {
	{"text", write_text},
	{"markdown", write_markdown},
	{"json", write_json},
	{0},
};
