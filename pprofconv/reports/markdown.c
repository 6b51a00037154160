/* SPDX-License-Identifier: MIT */
/* Writes the report as Markdown, for a comment on a pull request. What needs a decision comes
 * first; the rest is folded. */
#include "base/path.h"
#include "reports/format.h"
#include "reports/reports.h"

#define N_FIRST  10
#define N_IN_ALL 200

/* A report that is being written. Its paths are relative to the folder that all files shown are in,
 * unless names are to be whole. */
struct writing {
	const struct report *report;
	struct path_folder folder;
};

static void write_place(const struct writing *writing, const struct diff *diff,
			const struct diff_row *row, const struct format_room *room,
			struct output *output)
{
	format_place(output, diff_name(diff, row),
		     path_within(&writing->folder, diff_file(diff, row)), room,
		     writing->report->full_names);
}

static void write_verdict(const struct report *report, struct output *output)
{
	const struct diff *diff = report->diff;
	struct estimated_change change = diff_change(diff, &diff->total);
	const char *verdict = report_has_failures(report) ? "❌ Heap profile: a gate failed"
			      : report->n_results         ? "✅ Heap profile: all gates passed"
							  : "Heap profile";

	output_printf(output, "### %s\n\n", verdict);
	format_type(output, diff->type);
	output_printf(output, " %s: %s (%s)",
		      estimated_change_difference(&change) > 0   ? "grew"
		      : estimated_change_difference(&change) < 0 ? "shrank"
								 : "did not change",
		      format_difference(estimated_change_difference(&change), diff->is_bytes).text,
		      format_ratio(change.base.value, change.new.value).text);
	if (estimated_change_is_exact(&change))
		output_text(output, ". Every allocation was recorded.\n\n");
	else if (!estimated_change_has_enough(&change))
		output_text(output, ". There are too few samples for an interval.\n\n");
	else
		output_printf(output, ", %.10g %% interval %s.\n\n", 100 * report->confidence,
			      format_bounds(estimated_change_bounds(&change, report->confidence),
					    diff->is_bytes)
				      .text);
}

static void write_failure(const struct writing *writing, const struct gate_result *result,
			  const struct gate_failure *failure, struct output *output)
{
	const struct diff_row *row = report_failed_row(result, failure);

	output_text(output, "- ❌ ");
	format_type(output, result->diff->type);
	if (row) {
		output_text(output, " of ");
		write_place(writing, result->diff, row, &format_in_list, output);
	} else {
		output_text(output, " total");
	}
	output_printf(output, ": %s\n",
		      report_describe_growth(writing->report, result, failure).text);
}

/* Writes as many failures as there is room for, the largest first. */
static void write_failures(const struct writing *writing, const struct gate_result *result,
			   struct output *output)
{
	size_t n = result->failures.n, i = 0;

	while (i < n && i < FORMAT_FAILURES_MAX && output_size(output) < FORMAT_FAILED_MAX)
		write_failure(writing, result, &result->failures.items[i++], output);
	if (i < n) {
		output_printf(output, "- ❌ %zu more of ", n - i);
		format_type(output, result->gate->text);
		output_text(output, "\n");
	}
}

static void write_line(const struct formatted *text, struct output *output)
{
	if (*text->text)
		output_printf(output, "  - %s\n", text->text);
}

static void write_pass(const struct report *report, const struct gate_result *result,
		       struct output *output)
{
	struct formatted reason = report_describe_pass(report, result);
	struct formatted power = report_describe_power(result);

	output_text(output, "- ✅ ");
	format_type(output, result->gate->text);
	if (result->gate->per_function)
		output_printf(output, " per %s", result->gate->each);
	output_text(output, "\n");
	write_line(&reason, output);
	write_line(&power, output);
}

static void write_gates(const struct writing *writing, struct output *output)
{
	const struct report *report = writing->report;

	for (size_t i = 0; i < report->n_results; i++) {
		const struct gate_result *result = &report->results[i];

		write_failures(writing, result, output);
		if (!result->failures.n)
			write_pass(report, result, output);
	}
	if (report->n_results)
		output_text(output, "\n");
}

static void write_cell(struct output *output, const struct formatted *text)
{
	format_unbroken(output, text->text);
	output_text(output, " | ");
}

static void write_totals(const struct report *report, struct output *output)
{
	const struct diff *diff = report->diff;
	struct estimated_change change = diff_change(diff, &diff->total);

	output_text(output, "| | base | new | difference |\n|---|--:|--:|--:|\n");
	output_printf(output, "| total | %s | %s | %s |\n",
		      format_value(change.base.value, diff->is_bytes).text,
		      format_value(change.new.value, diff->is_bytes).text,
		      format_difference(estimated_change_difference(&change), diff->is_bytes).text);
	if (diff->suppressed[0] != 0 || diff->suppressed[1] != 0)
		output_printf(output, "| suppressed | %s | %s | not counted |\n",
			      format_value(diff->suppressed[0], diff->is_bytes).text,
			      format_value(diff->suppressed[1], diff->is_bytes).text);
	output_text(output, "\n");
}

static void write_row(const struct writing *writing, size_t number, struct output *output)
{
	const struct report *report = writing->report;
	const struct diff *diff = report->diff;
	const struct diff_row *row = &diff->rows.items[number];
	struct estimated_change change = diff_change(diff, &row->flat);
	struct formatted difference = format_difference(report_difference(&change), diff->is_bytes);
	struct formatted ratio = format_ratio(change.base.value, change.new.value);
	struct formatted bounds = report_format_bounds(report, diff, &change);
	struct formatted base = format_value(change.base.value, diff->is_bytes);
	struct formatted new = format_value(change.new.value, diff->is_bytes);
	const char *mark = report->marks.items[number] ? "**" : "";

	output_printf(output, "| %s", mark);
	format_unbroken(output, difference.text);
	output_printf(output, "%s | ", mark);
	write_cell(output, &ratio);
	format_breakable(output, bounds.text);
	output_text(output, " | ");
	write_cell(output, &base);
	write_cell(output, &new);
	write_place(writing, diff, row, &format_in_cell, output);
	output_text(output, " |\n");
}

/* Writes a table of up to `n` rows whose flat values come from samples, from row `first` on.
 * Returns the number of the next row. */
static size_t write_rows(const struct writing *writing, size_t first, size_t n,
			 struct output *output)
{
	const struct report *report = writing->report;
	const struct diff *diff = report->diff;
	size_t i = first;

	output_printf(output,
		      "| difference | change | %.10g %% interval | base | new | %s |\n"
		      "|--:|--:|--:|--:|--:|---|\n",
		      100 * report->confidence, report->by);
	for (; n > 0 && i < diff->rows.n && output_size(output) < FORMAT_COMMENT_MAX; i++) {
		if (!diff_has_samples(&diff->rows.items[i].flat))
			continue;
		write_row(writing, i, output);
		n--;
	}
	output_text(output, "\n");
	return i;
}

static size_t count_rows(const struct report *report, size_t first)
{
	size_t n = 0;

	for (size_t i = first; i < report->diff->rows.n; i++)
		n += diff_has_samples(&report->diff->rows.items[i].flat);
	return n;
}

/* Returns how many rows come before the fold: only rows that differ, which are sorted first. */
static size_t count_first(const struct report *report)
{
	size_t limit = report->n_top && report->n_top < N_FIRST ? report->n_top : N_FIRST, n = 0;

	vec_foreach (row, &report->diff->rows) {
		struct estimated_change flat = diff_change(report->diff, &row->flat);

		n += n < limit && report_difference(&flat) != 0;
	}
	return n;
}

static void write_runs(const struct report *report, struct output *output)
{
	const size_t *n = report->diff->n_runs;

	if (report->is_one_run)
		output_text(output, "Two dumps of one run.");
	else if (n[DIFF_BASE] <= 1 && n[DIFF_NEW] <= 1)
		output_text(output, "Two runs.");
	else
		output_printf(output, "Means of %zu and %zu runs.", n[DIFF_BASE], n[DIFF_NEW]);
}

/* Returns the folder of the files of the rows and the failures that may be shown. */
static struct path_folder find_folder(const struct report *report)
{
	const struct diff *diff = report->diff;
	struct path_folder folder = {0};

	for (size_t i = 0, n = 0; i < diff->rows.n && n < N_FIRST + N_IN_ALL; i++)
		if (diff_has_samples(&diff->rows.items[i].flat) && ++n)
			path_folder_add(&folder, diff_file(diff, &diff->rows.items[i]));
	for (size_t i = 0; i < report->n_results; i++) {
		const struct gate_result *result = &report->results[i];

		for (size_t j = 0; j < result->failures.n && j < FORMAT_FAILURES_MAX; j++) {
			const struct diff_row *row =
				report_failed_row(result, &result->failures.items[j]);

			path_folder_add(&folder, row ? diff_file(result->diff, row) : "");
		}
	}
	return folder;
}

static void write_end(const struct writing *writing, struct output *output)
{
	output_text(output, "<sub>");
	write_runs(writing->report, output);
	output_printf(output, " Bold: significant at %.10g %% confidence, among all compared.%s",
		      100 * writing->report->confidence, writing->folder.size ? " " : "");
	format_folder(output, &writing->folder);
	output_text(output, "</sub>\n");
}

static int write_markdown(const struct report *report, struct output *output)
{
	struct writing writing = {.report = report};
	size_t n_first = count_first(report), n_left, next = 0;

	if (!report->full_names)
		writing.folder = find_folder(report);
	write_verdict(report, output);
	write_gates(&writing, output);
	vec_foreach (warning, &report->warnings) {
		output_text(output, "> ⚠️ ");
		format_code(output, *warning);
		output_text(output, "\n\n");
	}
	write_totals(report, output);
	if (n_first)
		next = write_rows(&writing, 0, n_first, output);
	n_left = count_rows(report, next);
	if (n_left) {
		output_printf(output, "<details><summary>%zu more, by %s</summary>\n\n", n_left,
			      report->by);
		next = write_rows(&writing, next, N_IN_ALL, output);
		n_left = count_rows(report, next);
		if (n_left)
			output_printf(output, "%zu more are not shown.\n\n", n_left);
		output_text(output, "</details>\n\n");
	}
	write_end(&writing, output);
	return 0;
}

const struct report_format report_markdown = {
	.name = "markdown",
	.summary = "for the comment of a pull request",
	.write = write_markdown,
};
