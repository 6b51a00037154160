/* SPDX-License-Identifier: MIT */
/* Compares and reports while the N-th allocation fails, for N = 1, 2, 3, ... until none fails.
 * There must be no crash, no leak (where the sanitizers look), and an error whenever there is no
 * result. */
#include <errno.h>

#include "heap_profile.h"
#include "no_memory.h"
#include "reports/html/html_page.h"
#include "reports/html/html_small.h"
#include "reports/report.h"
#include "reports/trend_report.h"
#include "transform/merge.h"
#include "transform/reproducible.h"

#define N 4 /* dumps */

static const char type[] = "inuse_space";

static struct profile *make(double n)
{
	struct profile *profile = heap_profile_new("7", HEAP_INTERVAL);

	if (!profile)
		return NULL;
	profile_add_mapping(profile, &(struct profile_mapping){
					     .start = 0x1000,
					     .limit = 0x9000,
					     .file = profile_intern(profile, "/bin/app"),
				     });
	heap_profile_add(profile, "leak", n > 1 ? "/a/l.c" : "/b/l.c", 100, 10 * n, 10 * n);
	heap_profile_add(profile, "steady", "s.c", 5000, 10, 10);
	heap_profile_add(profile, n > 1 ? "new" : "old", "", 70, 3, 3);
	if (profile_status(profile) == 0)
		return profile;
	profile_free(profile);
	return NULL;
}

/* N profiles with rules, ready to be compared. */
struct rig {
	struct profile *profiles[N];
	struct strtab fileless;
	struct suppressions suppressions;
	struct filter_rules rules;
	struct diff_input inputs[N];
};

static int rig_init(struct rig *rig, enum frames_by by)
{
	static const char list[] = "# known\nleak:steady\n";
	struct diag diag = {0};
	struct input *input = NULL;
	int r = input_open_memory(&input, "list", list, sizeof(list) - 1, 0, &diag);

	if (!r)
		r = suppressions_read(&rig->suppressions, input, &diag);
	input_free(input);
	diag_deinit(&diag);
	rig->rules.suppressions = &rig->suppressions;
	for (size_t i = 0; !r && i < N; i++) {
		rig->profiles[i] = make((double)i + 1);
		r = rig->profiles[i] ? frames_find_fileless(rig->profiles[i], &rig->fileless)
				     : -ENOMEM;
	}
	for (size_t i = 0; !r && i < N; i++)
		r = diff_input_init(&rig->inputs[i], rig->profiles[i], by, &rig->fileless,
				    &rig->rules);
	return r;
}

static void rig_deinit(struct rig *rig)
{
	for (size_t i = 0; i < N; i++) {
		diff_input_deinit(&rig->inputs[i]);
		profile_free(rig->profiles[i]);
	}
	suppressions_deinit(&rig->suppressions);
	strtab_deinit(&rig->fileless);
}

/* --- diff ---------------------------------------------------------------------------------- */

static int write_diff(const struct report *report)
{
	int r = 0;

	for (size_t i = 0; !r && report_formats[i]; i++) {
		struct output *output = NULL;
		struct diag diag = {0};

		r = output_open(&output, "/dev/null", &diag);
		if (!r)
			r = report_formats[i]->write(report, output);
		if (!r)
			r = output_commit(output, &diag);
		output_free(output);
		diag_deinit(&diag);
	}
	return r;
}

static int report_diff(const struct rig *rig, struct diff *diff, const struct gate_result *results)
{
	static char name[] = "x";
	static char *const names[] = {name, name};
	struct report report = {
		.diff = diff,
		.inputs = {&rig->inputs[0], &rig->inputs[2]},
		.names = {names, names},
		.confidence = 0.95,
		.by = "function",
		.results = results,
		.n_results = 1,
	};
	int r;

	diff_sort(diff);
	r = report_mark(&report);
	if (!r)
		r = write_diff(&report);
	vec_deinit(&report.marks);
	return r;
}

/* Compares two runs with two runs. */
static int compare_runs(struct rig *rig)
{
	struct gate gate = {.type = "inuse_space", .text = "inuse_space=0", .per_function = true};
	struct gate_options options = {.confidence = 0.95, .is_strict = true};
	struct gate_result result = {0};
	struct diff diff;
	int r = diff_init(&diff, type, &rig->inputs[0], 2, &rig->inputs[2], 2);

	if (!r)
		r = gate_judge(&result, &gate, &diff, &options);
	if (!r)
		CHECK(result.failures.n > 0);
	if (!r)
		r = report_diff(rig, &diff, &result);
	gate_result_deinit(&result);
	diff_deinit(&diff);
	return r;
}

/* Compares two dumps of the same run. */
static int compare_dumps(struct rig *rig)
{
	struct diff diff;
	int r = diff_init(&diff, type, &rig->inputs[0], 1, &rig->inputs[1], 1);

	diff_deinit(&diff);
	return r;
}

static int diff_all(void)
{
	struct rig rig = {0};
	int r = rig_init(&rig, FRAMES_BY_FUNCTION);

	if (!r)
		r = compare_dumps(&rig);
	if (!r)
		r = compare_runs(&rig);
	rig_deinit(&rig);
	return r;
}

/* --- trend --------------------------------------------------------------------------------- */

static int write_trend(const struct trend_report *report)
{
	int r = 0;

	for (const struct trend_format *format = trend_formats; !r && format->name; format++) {
		struct output *output = NULL;
		struct diag diag = {0};

		r = output_open(&output, "/dev/null", &diag);
		if (!r)
			format->write(report, output);
		if (!r)
			r = output_commit(output, &diag);
		output_free(output);
		diag_deinit(&diag);
	}
	return r;
}

static int trend_all(void)
{
	static const bool failures[8] = {true};
	static const char *const warnings[] = {"one", NULL};
	struct rig rig = {0};
	struct dump_series series = {0};
	struct trend_report report = {
		.series = &series,
		.failures = failures,
		.has_failed = true,
		.gate = "inuse_space=1",
		.by = "line",
		.warnings = warnings,
	};
	int r = rig_init(&rig, FRAMES_BY_LINE);

	if (!r)
		r = dump_series_init(&series, type, rig.inputs, N, 0.95, 1);
	if (!r)
		r = write_trend(&report);
	dump_series_deinit(&series);
	rig_deinit(&rig);
	return r;
}

/* --- pages --------------------------------------------------------------------------------- */

static int write_page(const struct html_page *page)
{
	struct output *output = NULL;
	struct diag diag = {0};
	int r = output_open(&output, "/dev/null", &diag);

	if (!r) {
		html_page_write(page, output);
		r = output_commit(output, &diag);
	}
	output_free(output);
	diag_deinit(&diag);
	return r;
}

static int page_of_all(void)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	const struct html_rules rules = {.matches_moved_files = true};
	const struct html_limits limits = {.nodes = 2, .functions = 2, .records = 1};
	struct rig rig = {0};
	struct html_model model = {0};
	const struct html_page page = {
		.model = &model, .names = names, .type = type, .confidence = 0.95};
	int r = rig_init(&rig, FRAMES_BY_FUNCTION);

	if (!r)
		r = html_model_init(&model, (const struct profile *const *)rig.profiles, N, &rules);
	if (!r)
		r = html_small_merge(&model, &limits);
	if (!r)
		r = write_page(&page);
	html_model_deinit(&model);
	rig_deinit(&rig);
	return r;
}

/* --- reproducible copies --------------------------------------------------------------------- */

static int reproduce(void)
{
	struct profile *profile = make(1), *copy;

	if (!profile)
		return -ENOMEM;
	profile->kept_interval = HEAP_INTERVAL;
	copy = reproducible_copy(profile);
	profile_free(profile);
	profile_free(copy);
	return copy ? 0 : -ENOMEM;
}

static void test_diffs(void)
{
	check_no_memory(diff_all);
}

static void test_trends(void)
{
	check_no_memory(trend_all);
}

static void test_pages(void)
{
	check_no_memory(page_of_all);
}

static void test_reproducible_copies(void)
{
	check_no_memory(reproduce);
}

TEST_MAIN(TEST(test_diffs), TEST(test_trends), TEST(test_pages), TEST(test_reproducible_copies))
