/* SPDX-License-Identifier: MIT */
/* Writes the report for a terminal, in columns like those of pprof -top, but of the difference. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reports/format.h"
#include "reports/reports.h"
#include "reports/table.h"

/* A narrow screen keeps the change, its interval, and the cumulative change: most rows of callers
 * have nothing else to show. The order goes on with the new value. */
static const struct table_column columns[] = {
	{"flat ", 13, TABLE_ALWAYS},
	{"flat%", 9, 4},
	{"interval", 28, 7},
	{"base", 12, 3},
	{"new", 12, 5},
	{"cum", 12, 6},
	{"cum%", 9, 1},
};

enum {
	FLAT,
	RATIO,
	INTERVAL,
	BASE,
	NEW,
	CUMULATIVE,
	CUMULATIVE_RATIO,
	N_COLUMNS,
};

static const struct display *display_of(const struct report *report)
{
	return report->display ? report->display : &display_none;
}

static void write_total(const struct report *report, struct output *output)
{
	const struct diff *diff = report->diff;
	struct estimated_change change = diff_change(diff, &diff->total);
	char text[4 * FORMAT_SIZE];
	int n = snprintf(
		text, sizeof(text), "%.200s: %.40s, base %.40s, new %.40s (%.40s), ", diff->type,
		format_difference(estimated_change_difference(&change), diff->is_bytes).text,
		format_value(change.base.value, diff->is_bytes).text,
		format_value(change.new.value, diff->is_bytes).text,
		format_ratio(change.base.value, change.new.value).text);

	if (estimated_change_is_exact(&change) || !estimated_change_has_enough(&change))
		snprintf(text + n, sizeof(text) - (size_t)n, "%s",
			 report_format_bounds(report, diff, &change).text);
	else
		snprintf(text + n, sizeof(text) - (size_t)n, "%.10g %% interval %.100s",
			 100 * report->confidence,
			 report_format_bounds(report, diff, &change).text);
	table_write_line(display_of(report), DISPLAY_BOLD, text, output);
}

static enum display_style style_of(const struct report *report, size_t number, double difference)
{
	if (!report->marks.items[number])
		return DISPLAY_PLAIN;
	return difference > 0 ? DISPLAY_RED : DISPLAY_GREEN;
}

static int add_row(const struct report *report, size_t number, struct table *table)
{
	const struct diff *diff = report->diff;
	const struct diff_row *row = &diff->rows.items[number];
	struct estimated_change flat = diff_change(diff, &row->flat);
	struct estimated_change cumulative = diff_change(diff, &row->cumulative);
	double difference = report_difference(&flat);
	struct table_row *added = table_add(table, diff_name(diff, row), diff_file(diff, row));

	if (!added)
		return -ENOMEM;
	added->style = style_of(report, number, difference);
	snprintf(added->cells[FLAT], TABLE_CELL_MAX, "%.40s%c",
		 format_difference(difference, diff->is_bytes).text,
		 report->marks.items[number] ? '*' : ' ');
	table_set(added, RATIO, format_ratio(flat.base.value, flat.new.value).text);
	table_set(added, INTERVAL, report_format_bounds(report, diff, &flat).text);
	table_set(added, BASE, format_value(flat.base.value, diff->is_bytes).text);
	table_set(added, NEW, format_value(flat.new.value, diff->is_bytes).text);
	table_set(added, CUMULATIVE,
		  format_difference(report_difference(&cumulative), diff->is_bytes).text);
	table_set(added, CUMULATIVE_RATIO,
		  format_ratio(cumulative.base.value, cumulative.new.value).text);
	return 0;
}

static int add_rows(const struct report *report, struct table *table, size_t *out_n_left)
{
	const struct diff *diff = report->diff;
	size_t n = report_n_shown(report);
	int r = 0;

	*out_n_left = 0;
	for (size_t i = 0; !r && i < diff->rows.n; i++) {
		const struct diff_row *row = &diff->rows.items[i];

		if (!report_is_row_shown(row))
			continue;
		if (n == 0 || (report->n_top && !report_is_row_different(diff, row))) {
			(*out_n_left)++;
			continue;
		}
		r = add_row(report, i, table);
		n--;
	}
	return r;
}

static int write_rows(const struct report *report, struct output *output)
{
	struct table_column own[N_COLUMNS];
	struct table table = {.display = display_of(report),
			      .names_title = report->by,
			      .full_names = report->full_names,
			      .columns = own,
			      .n_columns = N_COLUMNS};
	char title[FORMAT_SIZE];
	size_t n_left;
	int r;

	memcpy(own, columns, sizeof(own));
	snprintf(title, sizeof(title), "%.10g %% interval", 100 * report->confidence);
	own[INTERVAL].title = title;
	r = add_rows(report, &table, &n_left);
	if (!r)
		table_write(&table, output);
	if (!r && n_left)
		output_printf(output, "%12s  (%zu more; --top=0 shows all)\n", "...", n_left);
	if (!r)
		table_write_hint(&table, output);
	table_deinit(&table);
	return r;
}

static void write_line(const struct report *report, const struct formatted *text,
		       struct output *output)
{
	char line[FORMAT_SIZE + 8];

	snprintf(line, sizeof(line), "  %s", text->text);
	if (*text->text)
		table_write_line(display_of(report), DISPLAY_PLAIN, line, output);
}

static void write_pass(const struct report *report, const struct gate_result *result,
		       struct output *output)
{
	struct formatted reason = report_describe_pass(report, result);
	struct formatted power = report_describe_power(result);

	output_printf(output, "gate passed: %s%s%s\n", result->gate->text,
		      result->gate->per_function ? " per " : "",
		      result->gate->per_function ? result->gate->each : "");
	write_line(report, &reason, output);
	write_line(report, &power, output);
}

static int write_gate(const struct report *report, const struct gate_result *result,
		      struct output *output)
{
	if (!result->failures.n)
		write_pass(report, result, output);
	for (size_t i = 0; i < result->failures.n && i < FORMAT_FAILURES_MAX; i++) {
		char *text = report_describe_failure(report, result, &result->failures.items[i]);
		char *line = NULL;
		int n = text ? asprintf(&line, "gate failed: %s", text) : -1;

		free(text);
		if (n < 0)
			return -ENOMEM;
		table_write_line(display_of(report), DISPLAY_RED, line, output);
		free(line);
	}
	if (result->failures.n > FORMAT_FAILURES_MAX)
		output_printf(output, "gate failed: %zu more of %s\n",
			      result->failures.n - FORMAT_FAILURES_MAX, result->gate->text);
	return 0;
}

static void write_warning(const struct report *report, const char *warning, struct output *output)
{
	char line[2 * FORMAT_SIZE];

	snprintf(line, sizeof(line), "warning: %s", warning);
	table_write_line(display_of(report), DISPLAY_PLAIN, line, output);
}

static int write_text(const struct report *report, struct output *output)
{
	const struct diff *diff = report->diff;
	int r = 0;

	write_total(report, output);
	vec_foreach (warning, &report->warnings)
		write_warning(report, *warning, output);
	if (diff->suppressed[0] != 0 || diff->suppressed[1] != 0)
		output_printf(output, "suppressed (not counted): base %s, new %s\n",
			      format_value(diff->suppressed[0], diff->is_bytes).text,
			      format_value(diff->suppressed[1], diff->is_bytes).text);
	for (size_t i = 0; !r && i < report->n_results; i++)
		r = write_gate(report, &report->results[i], output);
	return r ? r : write_rows(report, output);
}

const struct report_format report_text = {
	.name = "text",
	.summary = "columns for a terminal",
	.write = write_text,
};
