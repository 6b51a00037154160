/* SPDX-License-Identifier: MIT */
/* Writes the report for a terminal, in columns like those of pprof -top, but of the difference. */
#include <errno.h>

#include "reports/format.h"
#include "reports/reports.h"

static void write_total(const struct report *report, struct output *output)
{
	const struct diff *diff = report->diff;
	struct estimated_change change = diff_change(diff, &diff->total);
	struct bounds bounds = estimated_change_bounds(&change, report->confidence);

	output_plain(output, diff->type);
	output_printf(output, ": %s, base %s, new %s",
		      format_difference(estimated_change_difference(&change), diff->is_bytes).text,
		      format_value(change.base.value, diff->is_bytes).text,
		      format_value(change.new.value, diff->is_bytes).text);
	output_printf(output, " (%s)", format_ratio(change.base.value, change.new.value).text);
	if (estimated_change_is_exact(&change))
		output_text(output, ", exact\n");
	else if (!estimated_change_has_enough(&change))
		output_text(output, ", too few samples\n");
	else
		output_printf(output, ", %.10g %% interval %s\n", 100 * report->confidence,
			      format_bounds(bounds, diff->is_bytes).text);
}

static void write_row(const struct report *report, size_t number, struct output *output)
{
	const struct diff *diff = report->diff;
	const struct diff_row *row = &diff->rows.items[number];
	struct estimated_change flat = diff_change(diff, &row->flat);
	struct estimated_change cumulative = diff_change(diff, &row->cumulative);

	output_printf(output, "%12s%c %9s %28s %12s %12s ",
		      format_difference(estimated_change_difference(&flat), diff->is_bytes).text,
		      report->marks.items[number] ? '*' : ' ',
		      format_ratio(flat.base.value, flat.new.value).text,
		      report_format_bounds(report, diff, &flat).text,
		      format_value(flat.base.value, diff->is_bytes).text,
		      format_value(flat.new.value, diff->is_bytes).text);
	output_printf(
		output, "%12s %9s  ",
		format_difference(estimated_change_difference(&cumulative), diff->is_bytes).text,
		format_ratio(cumulative.base.value, cumulative.new.value).text);
	output_plain(output, diff_name(diff, row));
	output_text(output, row->file ? "  " : "");
	output_plain(output, diff_file(diff, row));
	output_text(output, "\n");
}

static void write_rows(const struct report *report, struct output *output)
{
	const struct diff *diff = report->diff;
	size_t n = report_n_shown(report), n_left = 0;
	char title[FORMAT_SIZE];

	snprintf(title, sizeof(title), "%.10g %% interval", 100 * report->confidence);
	output_printf(output, "%12s  %9s %28s %12s %12s %12s %9s  %s\n", "flat", "flat%", title,
		      "base", "new", "cum", "cum%", report->by);
	for (size_t i = 0; i < diff->rows.n; i++) {
		const struct diff_row *row = &diff->rows.items[i];

		if (!report_is_row_shown(row))
			continue;
		if (n == 0 || (report->n_top && !report_is_row_different(diff, row))) {
			n_left++;
			continue;
		}
		write_row(report, i, output);
		n--;
	}
	if (n_left)
		output_printf(output, "%12s  (%zu more; --top=0 shows all)\n", "...", n_left);
}

static void write_line(const struct formatted *text, struct output *output)
{
	if (*text->text)
		output_printf(output, "  %s\n", text->text);
}

static void write_pass(const struct report *report, const struct gate_result *result,
		       struct output *output)
{
	struct formatted reason = report_describe_pass(report, result);
	struct formatted power = report_describe_power(result);

	output_printf(output, "gate passed: %s%s\n", result->gate->text,
		      result->gate->per_function ? " per function" : "");
	write_line(&reason, output);
	write_line(&power, output);
}

static int write_gate(const struct report *report, const struct gate_result *result,
		      struct output *output)
{
	if (!result->failures.n)
		write_pass(report, result, output);
	for (size_t i = 0; i < result->failures.n && i < FORMAT_FAILURES_MAX; i++) {
		char *text = report_describe_failure(report, result, &result->failures.items[i]);

		if (!text)
			return -ENOMEM;
		output_text(output, "gate failed: ");
		output_plain(output, text);
		output_text(output, "\n");
		free(text);
	}
	if (result->failures.n > FORMAT_FAILURES_MAX)
		output_printf(output, "gate failed: %zu more of %s\n",
			      result->failures.n - FORMAT_FAILURES_MAX, result->gate->text);
	return 0;
}

static int write_text(const struct report *report, struct output *output)
{
	const struct diff *diff = report->diff;
	int r = 0;

	write_total(report, output);
	vec_foreach (warning, &report->warnings)
		output_printf(output, "warning: %s\n", *warning);
	if (diff->suppressed[0] != 0 || diff->suppressed[1] != 0)
		output_printf(output, "suppressed (not counted): base %s, new %s\n",
			      format_value(diff->suppressed[0], diff->is_bytes).text,
			      format_value(diff->suppressed[1], diff->is_bytes).text);
	for (size_t i = 0; !r && i < report->n_results; i++)
		r = write_gate(report, &report->results[i], output);
	write_rows(report, output);
	return r;
}

const struct report_format report_text = {
	.name = "text",
	.summary = "columns for a terminal",
	.write = write_text,
};
