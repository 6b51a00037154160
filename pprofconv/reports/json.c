/* SPDX-License-Identifier: MIT */
/* Writes the report as JSON, for programs. diff.schema.json defines the format. Within a version,
 * members may be added, but no member is removed or changes its meaning. */
#include "reports/format.h"
#include "reports/reports.h"

#define VERSION 1

static void member_number(struct output *output, const char *key, double value)
{
	output_printf(output, "\"%s\":", key);
	format_json_number(output, value);
}

static void write_change(const struct report *report, const struct diff_measure *measure,
			 struct output *output)
{
	struct estimated_change change = diff_change(report->diff, measure);
	struct bounds bounds = estimated_change_bounds(&change, report->confidence);

	output_text(output, "{");
	member_number(output, "base", change.base.value);
	output_text(output, ",");
	member_number(output, "new", change.new.value);
	output_text(output, ",");
	member_number(output, "difference", estimated_change_difference(&change));
	output_text(output, ",");
	member_number(output, "ratio", estimated_change_ratio(&change));
	output_printf(output, ",\"exact\":%s",
		      estimated_change_is_exact(&change) ? "true" : "false");
	if (estimated_change_has_enough(&change)) {
		output_text(output, ",\"interval\":[");
		format_json_number(output, bounds.low);
		output_text(output, ",");
		format_json_number(output, bounds.high);
		output_text(output, "]}");
	} else {
		output_text(output, ",\"interval\":null}");
	}
}

static void write_row(const struct report *report, size_t number, struct output *output)
{
	const struct diff_row *row = &report->diff->rows.items[number];

	output_text(output, "{\"name\":");
	format_json(output, diff_name(report->diff, row));
	output_text(output, ",\"file\":");
	format_json(output, diff_file(report->diff, row));
	output_printf(output, ",\"significant\":%s,\"flat\":",
		      report->marks.items[number] ? "true" : "false");
	write_change(report, &row->flat, output);
	output_text(output, ",\"cumulative\":");
	write_change(report, &row->cumulative, output);
	output_text(output, "}");
}

static void write_rows(const struct report *report, struct output *output)
{
	size_t n = report_n_shown(report);
	const char *comma = "\n";

	output_text(output, ",\n\"rows\":[");
	for (size_t i = 0; n > 0 && i < report->diff->rows.n; i++) {
		if (!report_is_row_shown(&report->diff->rows.items[i]))
			continue;
		output_text(output, comma);
		write_row(report, i, output);
		comma = ",\n";
		n--;
	}
	output_text(output, "]");
}

static void write_failure(const struct gate_result *result, const struct gate_failure *failure,
			  struct output *output)
{
	const struct diff *diff = result->diff;
	const struct diff_row *row = report_failed_row(result, failure);

	output_text(output, "{\"name\":");
	if (row)
		format_json(output, diff_name(diff, row));
	else
		output_text(output, "null");
	output_text(output, ",\"file\":");
	if (row)
		format_json(output, diff_file(diff, row));
	else
		output_text(output, "null");
	output_text(output, ",");
	member_number(output, "p", failure->p);
	output_text(output, "}");
}

static void write_power(const struct gate_result *result, struct output *output)
{
	if (!result->has_power) {
		output_text(output, ",\"power\":null");
		return;
	}
	output_text(output, ",\"power\":{");
	member_number(output, "growth", result->power.growth);
	output_text(output, ",");
	member_number(output, "fine_interval", result->power.fine_interval);
	output_text(output, ",");
	member_number(output, "fine_growth", result->power.fine_growth);
	output_text(output, "}");
}

static void write_gate(const struct gate_result *result, struct output *output)
{
	output_text(output, "{\"gate\":");
	format_json(output, result->gate->text);
	output_printf(output, ",\"per_function\":%s,\"passed\":%s,\"tests\":%zu,\"too_few\":%zu",
		      result->gate->per_function ? "true" : "false",
		      result->failures.n ? "false" : "true", result->n_tests, result->n_too_few);
	write_power(result, output);
	output_text(output, ",\"failures\":[");
	for (size_t i = 0; i < result->failures.n; i++) {
		output_text(output, i ? "," : "");
		write_failure(result, &result->failures.items[i], output);
	}
	output_text(output, "]}");
}

static void write_names(const struct report *report, enum diff_side side, struct output *output)
{
	output_text(output, "[");
	for (size_t i = 0; i < report->diff->n_runs[side]; i++) {
		output_text(output, i ? "," : "");
		format_json(output, report->names[side][i]);
	}
	output_text(output, "]");
}

static void write_head(const struct report *report, struct output *output)
{
	const struct diff *diff = report->diff;

	output_printf(output, "{\"schema\":\"pprofconv-diff\",\"version\":%d,\n\"base\":", VERSION);
	write_names(report, DIFF_BASE, output);
	output_text(output, ",\n\"new\":");
	write_names(report, DIFF_NEW, output);
	output_text(output, ",\n\"type\":");
	format_json(output, diff->type);
	output_printf(output, ",\"unit\":\"%s\",\"by\":\"%s\",\"one_run\":%s,",
		      diff->is_bytes ? "bytes" : "count", report->by,
		      report->is_one_run ? "true" : "false");
	member_number(output, "confidence", report->confidence);
	output_text(output, ",\"sample_interval\":[");
	format_json_number(output, diff->interval[DIFF_BASE]);
	output_text(output, ",");
	format_json_number(output, diff->interval[DIFF_NEW]);
	output_text(output, "],\"suppressed\":[");
	format_json_number(output, diff->suppressed[DIFF_BASE]);
	output_text(output, ",");
	format_json_number(output, diff->suppressed[DIFF_NEW]);
	output_text(output, "],\n\"warnings\":[");
	for (size_t i = 0; i < report->warnings.n; i++) {
		output_text(output, i ? "," : "");
		format_json(output, report->warnings.items[i]);
	}
	output_text(output, "],\n\"total\":");
	write_change(report, &diff->total, output);
}

static int write_json(const struct report *report, struct output *output)
{
	write_head(report, output);
	output_printf(output, ",\n\"passed\":%s,\"gates\":[",
		      report_has_failures(report) ? "false" : "true");
	for (size_t i = 0; i < report->n_results; i++) {
		output_text(output, i ? "," : "");
		write_gate(&report->results[i], output);
	}
	output_text(output, "]");
	write_rows(report, output);
	output_text(output, "}\n");
	return 0;
}

const struct report_format report_json = {
	.name = "json",
	.summary = "for programs; diff.schema.json defines the format",
	.write = write_json,
};
