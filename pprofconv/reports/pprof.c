/* SPDX-License-Identifier: MIT */
/* Writes the difference as a profile that `go tool pprof` can draw. Like a difference that pprof
 * makes with -diff_base, the profile has the samples of the new side, and those of the base with
 * negated values and a label by which pprof recognizes them. */
#include <errno.h>

#include "reports/reports.h"
#include "transform/merge.h"
#include "writers/writer.h"

/* Adds all runs of a side to `sum`. */
static int add_runs(struct merge *sum, const struct report *report, enum diff_side side,
		    struct diag *diag)
{
	int r = 0;

	for (size_t i = 0; !r && i < report->diff->n_runs[side]; i++) {
		const struct diff_input *input = &report->inputs[side][i];
		struct copy_between_change change = {.factor = 1, .filter = &input->filter};

		r = merge_add_changed(sum, input->profile, &change, diag);
	}
	return r;
}

/* Adds the mean of a side's runs. The mean is computed from the sum, because the runs divided one
 * by one would each be rounded. Returns -EOVERFLOW if the sum exceeds 64 bits, even if the mean
 * does not. */
static int add_side(struct merge *merge, const struct report *report, enum diff_side side,
		    struct diag *diag)
{
	_cleanup_(merge_freep) struct merge *sum = merge_new();
	_cleanup_(profile_freep) struct profile *profile = NULL;
	size_t n = report->diff->n_runs[side];
	struct copy_between_change change = {
		.factor = (side == DIFF_BASE ? -1.0 : 1.0) / (double)(n ? n : 1),
		.label_key = side == DIFF_BASE ? "pprof::base" : NULL,
		.label_text = "true",
	};
	int r = sum ? add_runs(sum, report, side, diag) : -ENOMEM;

	if (r || !n)
		return r;
	profile = merge_finish(sum);
	return profile ? merge_add_changed(merge, profile, &change, diag) : -ENOMEM;
}

/* Returns MERGE_E_MISMATCH if sample types differ: such profiles can't be written as one. */
static int write_pprof(const struct report *report, struct output *output)
{
	_cleanup_(merge_freep) struct merge *merge = merge_new();
	_cleanup_(profile_freep) struct profile *profile = NULL;
	struct diag diag = {0};
	int value, r = merge ? 0 : -ENOMEM;

	if (!r)
		r = add_side(merge, report, DIFF_NEW, &diag);
	if (!r)
		r = add_side(merge, report, DIFF_BASE, &diag);
	diag_deinit(&diag);
	if (!r)
		profile = merge_finish(merge);
	if (r || !profile)
		return r ? r : -ENOMEM;
	profile->keeps_names = report->full_names;
	value = profile_find_sample_type(profile, report->diff->type);
	return writer_find("pprof")->write(profile, (size_t)value, output);
}

const struct report_format report_pprof = {
	.name = "pprof",
	.summary = "a profile of the difference, for go tool pprof to draw",
	.is_binary = true,
	.write = write_pprof,
};
