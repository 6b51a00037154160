/* SPDX-License-Identifier: MIT */
/* Compares profiles. The parts of an input are a gate, suppressions, and profiles of any format.
 * The first two profiles are compared as a base and a new one, and reported in every format. Three
 * or more are also judged as a trend. */
#include <stdlib.h>

#include "analysis/dump_series.h"
#include "analysis/gate.h"
#include "analysis/shared_samples.h"
#include "base/input.h"
#include "consumers.h"
#include "parts.h"
#include "reports/report.h"
#include "reports/trend_report.h"

#define PROFILES_MAX 4
#define CONFIDENCE   0.95

struct comparison {
	struct gate gate;
	struct gate_result result;
	struct suppressions suppressions;
	struct filter_rules rules;
	struct profile *profiles[PROFILES_MAX];
	size_t n;
	struct diff_input inputs[PROFILES_MAX];
	const char *type;
};

static struct output *open_output(struct diag *diag)
{
	struct output *output = NULL;

	if (output_open(&output, "/dev/null", diag))
		abort();
	return output;
}

static void read_rules(struct comparison *comparison, const char *gate, struct part text)
{
	struct input *input = NULL;
	struct diag diag = {0};

	if (gate_parse(&comparison->gate, gate, gate[0] & 1, &diag))
		comparison->gate.text = NULL;
	diag_deinit(&diag);
	if (!input_open_memory(&input, "rules", text.data, text.size, INPUT_BYTES_MAX, &diag))
		suppressions_read(&comparison->suppressions, input, &diag);
	input_free(input);
	diag_deinit(&diag);
	comparison->rules.suppressions = &comparison->suppressions;
}

/* Makes the same check as cmd_diff.c does before it compares: returns true if all profiles have the
 * sample type. */
static bool is_comparable(const struct comparison *comparison, const char *type)
{
	for (size_t i = 0; i < comparison->n; i++)
		if (profile_find_sample_type(comparison->profiles[i], type) < 0)
			return false;
	return true;
}

static void write_reports(struct report *report)
{
	struct diag diag = {0};

	for (size_t i = 0; report_formats[i]; i++) {
		struct output *output = open_output(&diag);

		report_formats[i]->write(report, output);
		output_commit(output, &diag);
		output_free(output);
	}
	vec_foreach (failure, &((struct gate_result *)report->results)->failures)
		free(report_describe_failure(report, report->results, failure));
	diag_deinit(&diag);
}

static void judge(struct comparison *comparison, struct diff *diff)
{
	const struct gate_options options = {.confidence = CONFIDENCE};

	if (comparison->gate.text && is_comparable(comparison, comparison->gate.type) &&
	    gate_judge(&comparison->result, &comparison->gate, diff, &options))
		abort();
}

static void compare(struct comparison *comparison)
{
	static char name_of_base[] = "base", name_of_new[] = "new";
	char *names[] = {name_of_base, name_of_new};
	struct diff diff = {0};
	struct report report = {
		.diff = &diff,
		.inputs = {comparison->inputs, comparison->inputs + 1},
		.names = {names, names + 1},
		.confidence = CONFIDENCE,
		.by = "function",
		.results = &comparison->result,
		.n_results = 0,
	};

	if (!diff_init(&diff, comparison->type, comparison->inputs, 1, comparison->inputs + 1, 1)) {
		report.is_one_run =
			shared_samples_is_one_run(comparison->profiles[0], comparison->profiles[1]);
		judge(comparison, &diff);
		report.n_results = comparison->result.gate != NULL;
		diff_sort(&diff);
		if (!report_mark(&report))
			write_reports(&report);
	}
	vec_deinit(&report.marks);
	gate_result_deinit(&comparison->result);
	diff_deinit(&diff);
}

static void follow(struct comparison *comparison)
{
	struct dump_series series = {0};
	struct diag diag = {0};
	VEC(bool) failures = {0};
	struct trend_report report = {.series = &series,
				      .confidence = CONFIDENCE,
				      .gate = "inuse_space=1",
				      .by = "function",
				      .warnings = (const char *const[]){NULL}};
	int r = dump_series_init(&series, comparison->type, comparison->inputs, comparison->n,
				 CONFIDENCE, comparison->gate.limit);

	for (size_t i = 0; !r && i < series.rows.n; i++)
		r = vec_push(&failures, i & 1);
	report.failures = failures.items;
	for (size_t i = 0; !r && trend_formats[i].name; i++) {
		struct output *output = open_output(&diag);

		trend_formats[i].write(&report, output);
		output_commit(output, &diag);
		output_free(output);
	}
	vec_deinit(&failures);
	dump_series_deinit(&series);
	diag_deinit(&diag);
}

static void compare_all(struct comparison *comparison)
{
	const struct profile *profile = comparison->profiles[0];
	size_t n_inputs = 0;
	int r = 0;

	comparison->type = profile_string(
		profile, profile->sample_types.items[profile->sample_types.n - 1].type);
	if (!is_comparable(comparison, comparison->type))
		return;
	while (!r && n_inputs < comparison->n) {
		r = diff_input_init(&comparison->inputs[n_inputs], comparison->profiles[n_inputs],
				    FRAMES_BY_FUNCTION, NULL, &comparison->rules);
		n_inputs++;
	}
	if (!r)
		compare(comparison);
	if (!r && comparison->n > 2)
		follow(comparison);
	for (size_t i = 0; i < n_inputs; i++)
		diff_input_deinit(&comparison->inputs[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct part rest = {data, size}, part;
	struct comparison comparison = {0};
	char gate[128];

	part_text(&rest, gate, sizeof(gate));
	part = part_take(&rest);
	read_rules(&comparison, gate, part);
	while (rest.size && comparison.n < PROFILES_MAX) {
		part = part_take(&rest);
		comparison.profiles[comparison.n] = consume_bytes(NULL, part.data, part.size);
		if (!comparison.profiles[comparison.n])
			break;
		comparison.n++;
	}
	if (comparison.n >= 2 && comparison.profiles[0]->sample_types.n)
		compare_all(&comparison);
	for (size_t i = 0; i < comparison.n; i++)
		profile_free(comparison.profiles[i]);
	suppressions_deinit(&comparison.suppressions);
	return 0;
}
