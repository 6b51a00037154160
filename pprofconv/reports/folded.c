/* SPDX-License-Identifier: MIT */
/* Writes folded stacks for a differential flame graph. Each line is a stack, from the root to the
 * leaf, with its values in the base and in the new profile, as in the output of difffolded.pl. */
#include <errno.h>
#include <math.h>

#include "reports/format.h"
#include "reports/reports.h"

struct folding {
	const struct report *report;
	struct strtab stacks;
	VEC(double) values; /* for each stack: its values in base and new */
	VEC(char) text;
	frame_vec frames;
};

static int append_name(struct folding *folding, const char *name)
{
	int r = 0;

	for (; !r && *name; name++) {
		unsigned char c = (unsigned char)*name;

		r = vec_push(&folding->text, c == ';' ? ':' : c < ' ' ? ' ' : (char)c);
	}
	return r;
}

static int make_text(struct folding *folding, const struct diff_input *input, uint32_t sample)
{
	int r = frames_of_sample(&input->frames, sample, &folding->frames);

	folding->text.n = 0;
	if (!r && !folding->frames.n)
		r = append_name(folding, PROFILE_NO_STACK);
	for (size_t i = folding->frames.n; !r && i > 0; i--) {
		r = append_name(folding, frames_name(&input->frames, folding->frames.items[i - 1]));
		if (!r && i > 1)
			r = vec_push(&folding->text, ';');
	}
	return r;
}

static int add_sample(struct folding *folding, const struct diff_input *input, enum diff_side side,
		      uint32_t sample, double value)
{
	uint32_t number;
	int r;

	if (value == 0 || filter_judge(&input->filter, sample) != FILTER_KEPT)
		return 0;
	r = make_text(folding, input, sample);
	if (!r)
		r = strtab_intern(&folding->stacks, folding->text.items, folding->text.n, &number);
	while (!r && folding->values.n < 2 * strtab_count(&folding->stacks))
		r = vec_push(&folding->values, 0);
	if (!r)
		folding->values.items[2 * number + side] += value;
	return r;
}

static int add_input(struct folding *folding, const struct diff_input *input, enum diff_side side)
{
	const struct diff *diff = folding->report->diff;
	int value = profile_find_sample_type(input->profile, diff->type);
	int r = 0;

	for (uint32_t i = 0; !r && i < input->profile->samples.n; i++)
		r = add_sample(folding, input, side, i,
			       (double)profile_values(input->profile, i)[value] /
				       (double)diff->n_runs[side]);
	return r;
}

static int write_folded(const struct report *report, struct output *output)
{
	struct folding folding = {.report = report};
	int r = 0;

	for (int side = 0; side < 2; side++)
		for (size_t i = 0; !r && i < report->diff->n_runs[side]; i++)
			r = add_input(&folding, &report->inputs[side][i], (enum diff_side)side);
	for (uint32_t i = 1; !r && i < strtab_count(&folding.stacks); i++)
		output_printf(output, "%s %.0f %.0f\n", strtab_text(&folding.stacks, i),
			      round(folding.values.items[2 * i]),
			      round(folding.values.items[2 * i + 1]));
	strtab_deinit(&folding.stacks);
	vec_deinit(&folding.values);
	vec_deinit(&folding.text);
	vec_deinit(&folding.frames);
	return r;
}

const struct report_format report_folded = {
	.name = "folded",
	.summary = "stacks with both values, for a differential flame graph",
	.write = write_folded,
};
