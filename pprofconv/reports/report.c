/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/statistics.h"
#include "reports/format.h"
#include "reports/reports.h"

const struct report_format *const report_formats[] = {
	&report_text, &report_markdown, &report_json, &report_pprof, &report_folded, NULL,
};

const struct report_format *report_format_find(const char *name)
{
	for (size_t i = 0; report_formats[i]; i++)
		if (strcmp(report_formats[i]->name, name) == 0)
			return report_formats[i];
	return NULL;
}

bool report_is_row_shown(const struct diff_row *row)
{
	return diff_has_samples(&row->flat) || diff_has_samples(&row->cumulative);
}

/* Rounding changes the sum of a function's samples by no more than this share of it, or by a byte.
 */
#define ROUNDED      1e-5
#define ROUNDED_BYTE 1.5

double report_difference(const struct estimated_change *change)
{
	double difference = estimated_change_difference(change);
	double size = fmax(fabs(change->base.value), fabs(change->new.value));
	double rounded = fmax(ROUNDED * size, change->is_objects ? 0 : ROUNDED_BYTE);

	return estimated_change_is_exact(change) || fabs(difference) > rounded ? difference : 0;
}

bool report_is_row_different(const struct diff *diff, const struct diff_row *row)
{
	struct estimated_change flat = diff_change(diff, &row->flat);
	struct estimated_change cumulative = diff_change(diff, &row->cumulative);

	return report_difference(&flat) != 0 || report_difference(&cumulative) != 0;
}

/* Returns the probability that chance shows a change of this size, up or down, if there is truly
 * none. */
static double two_sided(const struct diff *diff, const struct diff_measure *measure)
{
	struct estimated_change change = diff_change(diff, measure);
	double p;

	if (!diff_has_samples(measure) || !estimated_change_has_enough(&change) ||
	    estimated_change_difference(&change) == 0)
		return 1;
	p = estimated_change_p_value(&change, 1 /* factor */, 0 /* limit */);
	return fmin(1, 2 * fmin(p, 1 - p));
}

static int mark_rows(struct report *report, double *p, double *adjusted)
{
	const struct diff *diff = report->diff;
	bool has_runs = diff->n_runs[DIFF_BASE] > 1 && diff->n_runs[DIFF_NEW] > 1;
	size_t n = 0, at = 0;
	int r;

	vec_foreach (row, &diff->rows)
		if (diff_has_samples(&row->flat))
			p[n++] = two_sided(diff, &row->flat);
	r = has_runs ? statistics_holm(p, n, adjusted)
		     : statistics_benjamini_hochberg(p, n, adjusted);
	for (size_t i = 0; !r && i < diff->rows.n; i++) {
		bool is_tested = diff_has_samples(&diff->rows.items[i].flat);

		r = vec_push(&report->marks, is_tested && adjusted[at] < 1 - report->confidence);
		at += is_tested;
	}
	return r;
}

int report_mark(struct report *report)
{
	size_t n = report->diff->rows.n + 1;
	double *p = calloc(n, sizeof(*p)), *adjusted = calloc(n, sizeof(*adjusted));
	int r = p && adjusted ? mark_rows(report, p, adjusted) : -ENOMEM;

	free(p);
	free(adjusted);
	return r;
}

bool report_has_failures(const struct report *report)
{
	for (size_t i = 0; i < report->n_results; i++)
		if (report->results[i].failures.n)
			return true;
	return false;
}

size_t report_n_shown(const struct report *report)
{
	size_t n = 0;

	vec_foreach (row, &report->diff->rows)
		n += report_is_row_shown(row);
	return report->n_top && report->n_top < n ? report->n_top : n;
}

struct formatted report_format_bounds(const struct report *report, const struct diff *diff,
				      const struct estimated_change *change)
{
	if (estimated_change_is_exact(change))
		return (struct formatted){"exact"};
	if (!estimated_change_has_enough(change))
		return (struct formatted){"too few samples"};
	return format_bounds(estimated_change_bounds(change, report->confidence), diff->is_bytes);
}

const struct diff_row *report_failed_row(const struct gate_result *result,
					 const struct gate_failure *failure)
{
	return failure->row == PROFILE_NONE ? NULL : &result->diff->rows.items[failure->row];
}

struct formatted report_describe_growth(const struct report *report,
					const struct gate_result *result,
					const struct gate_failure *failure)
{
	const struct diff *diff = result->diff;
	const struct diff_row *row = report_failed_row(result, failure);
	struct estimated_change change = diff_change(diff, row ? &row->flat : &diff->total);
	struct formatted bounds = report_format_bounds(report, diff, &change), text;
	bool has_bounds =
		!estimated_change_is_exact(&change) && estimated_change_has_enough(&change);
	char title[32] = "";

	if (has_bounds)
		snprintf(title, sizeof(title), "%.10g %% interval ", 100 * report->confidence);
	snprintf(text.text, sizeof(text.text),
		 "from %.24s to %.24s, %.24s (%.24s), %s%.60s; limit %.32s",
		 format_value(change.base.value, diff->is_bytes).text,
		 format_value(change.new.value, diff->is_bytes).text,
		 format_difference(estimated_change_difference(&change), diff->is_bytes).text,
		 format_ratio(change.base.value, change.new.value).text, title, bounds.text,
		 strchr(result->gate->text, '=') + 1);
	return text;
}

/* Returns the number of rows with significant growth, or 0 if the report shows another sample type
 * than the gate judges. */
static size_t count_real(const struct report *report, const struct gate_result *result)
{
	const struct diff *diff = report->diff;
	size_t n = 0;

	if (strcmp(diff->type, result->diff->type) != 0)
		return 0;
	for (size_t i = 0; i < diff->rows.n; i++) {
		struct estimated_change change = diff_change(diff, &diff->rows.items[i].flat);

		n += report->marks.items[i] && estimated_change_difference(&change) > 0;
	}
	return n;
}

struct formatted report_describe_pass(const struct report *report, const struct gate_result *result)
{
	const struct gate *gate = result->gate;
	const struct diff *diff = result->diff;
	struct estimated_change total = diff_change(diff, &diff->total);
	bool is_within = estimated_change_excess(&total, gate_factor(gate), gate_limit(gate)) <= 0;
	size_t n = count_real(report, result);
	struct formatted text = {""};
	int size;

	if (!n || result->failures.n)
		return text;
	size = snprintf(text.text, FORMAT_SIZE, "%zu %.16s%s grew significantly, but ", n,
			report->by, n > 1 ? "s" : "");
	if (gate->per_function)
		snprintf(text.text + size, FORMAT_SIZE - (size_t)size,
			 "no %.16s is significantly above the limit", gate->each);
	else
		snprintf(
			text.text + size, FORMAT_SIZE - (size_t)size,
			"the gate judges the total: %.24s is %s the limit",
			format_difference(estimated_change_difference(&total), diff->is_bytes).text,
			is_within ? "within" : "not significantly above");
	return text;
}

struct formatted report_describe_power(const struct gate_result *result)
{
	const struct gate_power *power = &result->power;
	const struct gate *gate = result->gate;
	bool is_bytes = result->diff->is_bytes, is_fine = power->fine_interval > 0;
	struct formatted text = {""};
	int size;

	if (!result->has_power)
		return text;
	if (isinf(power->growth))
		size = snprintf(text.text, FORMAT_SIZE,
				"no growth would have failed the gate: too few samples");
	else
		size = snprintf(text.text, FORMAT_SIZE,
				"growth of %.24s or more%s%.16s would have failed the gate "
				"4 times in 5%s",
				format_value(power->growth, is_bytes).text,
				gate->per_function ? " in a " : "",
				gate->per_function ? gate->each : "",
				is_fine ? " if the runs differ in nothing else" : "");
	if (is_fine && isfinite(power->fine_growth))
		snprintf(text.text + size, FORMAT_SIZE - (size_t)size,
			 "; with HEAP_PROFILE_SAMPLE_INTERVAL=%.24s, growth of %.24s would have",
			 format_setting(power->fine_interval).text,
			 format_value(power->fine_growth, is_bytes).text);
	return text;
}

char *report_describe_failure(const struct report *report, const struct gate_result *result,
			      const struct gate_failure *failure)
{
	const struct diff *diff = result->diff;
	const struct diff_row *row = report_failed_row(result, failure);
	char *text;

	if (asprintf(&text, "%s%s%s%s%s: %s", diff->type, row ? " of " : " total",
		     row ? diff_name(diff, row) : "", row && row->file ? " in " : "",
		     row ? diff_file(diff, row) : "",
		     report_describe_growth(report, result, failure).text) < 0)
		return NULL;
	return text;
}
