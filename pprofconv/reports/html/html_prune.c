/* SPDX-License-Identifier: MIT */
#include "reports/html/html_prune.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNUSED UINT32_MAX

struct pruning {
	struct html_model *model;
	/* For each function, frame and label set: its new number, or UNUSED. */
	uint32_t *functions, *frames, *label_sets;
	struct strtab strings; /* those that stay */
};

/* --- what is used -------------------------------------------------------------------------- */

static void use_frame(struct pruning *pruning, uint32_t number)
{
	const struct html_frame *frame = &pruning->model->frames.items[number];

	pruning->frames[number] = 0;
	if (!frame->is_small)
		pruning->functions[frame->function] = 0;
}

static void use_rest(struct pruning *pruning, const struct html_rest *rest)
{
	vec_foreach (function, &rest->functions)
		if (*function != HTML_FUNCTION_SMALL)
			pruning->functions[*function] = 0;
}

/* Gives functions that no used frame has, which only rests have, their first frame. */
static int use_first_frames(struct pruning *pruning)
{
	const struct html_model *model = pruning->model;
	bool *has_frame = calloc(model->functions.n + 1, sizeof(*has_frame));

	if (!has_frame)
		return -ENOMEM;
	for (uint32_t i = 0; i < model->frames.n; i++)
		if (pruning->frames[i] != UNUSED && !model->frames.items[i].is_small)
			has_frame[model->frames.items[i].function] = true;
	for (uint32_t i = 0; i < model->frames.n; i++) {
		const struct html_frame *frame = &model->frames.items[i];

		if (frame->is_small || has_frame[frame->function] ||
		    pruning->functions[frame->function] == UNUSED)
			continue;
		has_frame[frame->function] = true;
		pruning->frames[i] = 0;
	}
	free(has_frame);
	return 0;
}

static int find_used(struct pruning *pruning)
{
	const struct html_model *model = pruning->model;

	for (size_t i = 1; i < model->tree.nodes.n; i++)
		use_frame(pruning, model->tree.nodes.items[i].frame);
	use_rest(pruning, &model->rest_flat);
	use_rest(pruning, &model->rest_cumulative);
	pruning->label_sets[0] = 0; /* the empty one */
	vec_foreach (record, &model->tree.records)
		pruning->label_sets[record->labels] = 0;
	return use_first_frames(pruning);
}

/* --- moving -------------------------------------------------------------------------------- */

static void number_used(uint32_t *numbers, size_t n)
{
	uint32_t next = 0;

	for (size_t i = 0; i < n; i++)
		if (numbers[i] != UNUSED)
			numbers[i] = next++;
}

static int keep_string(struct pruning *pruning, uint32_t *string)
{
	const struct strtab *from = &pruning->model->strings;

	return strtab_intern(&pruning->strings, strtab_text(from, *string),
			     strtab_size(from, *string), string);
}

static int move_functions(struct pruning *pruning)
{
	struct html_model *model = pruning->model;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; !r && i < model->functions.n; i++) {
		struct html_function function = model->functions.items[i];

		if (pruning->functions[i] == UNUSED)
			continue;
		r = keep_string(pruning, &function.name);
		r = r ? r : keep_string(pruning, &function.file);
		model->functions.items[n++] = function;
	}
	model->functions.n = n;
	return r;
}

static int move_frames(struct pruning *pruning)
{
	struct html_model *model = pruning->model;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; !r && i < model->frames.n; i++) {
		struct html_frame frame = model->frames.items[i];

		if (pruning->frames[i] == UNUSED)
			continue;
		if (!frame.is_small)
			frame.function = pruning->functions[frame.function];
		r = keep_string(pruning, &frame.library);
		model->frames.items[n++] = frame;
	}
	model->frames.n = n;
	return r;
}

static int move_labels(struct pruning *pruning, struct html_label_set *set, size_t first)
{
	struct html_model *model = pruning->model;
	int r = 0;

	for (size_t i = 0; !r && i < set->n; i++) {
		struct html_label label = model->labels.items[set->first + i];

		r = keep_string(pruning, &label.key);
		r = r ? r : keep_string(pruning, &label.value);
		model->labels.items[first + i] = label;
	}
	set->first = (uint32_t)first;
	return r;
}

/* The labels of a set are after those of the sets before it. */
static int move_label_sets(struct pruning *pruning)
{
	struct html_model *model = pruning->model;
	size_t n = 0, n_labels = 0;
	int r = 0;

	for (size_t i = 0; !r && i < model->label_sets.n; i++) {
		struct html_label_set set = model->label_sets.items[i];

		if (pruning->label_sets[i] == UNUSED)
			continue;
		r = move_labels(pruning, &set, n_labels);
		n_labels += set.n;
		model->label_sets.items[n++] = set;
	}
	model->label_sets.n = n;
	model->labels.n = n_labels;
	return r;
}

static void renumber_rest(const struct pruning *pruning, struct html_rest *rest)
{
	vec_foreach (function, &rest->functions)
		if (*function != HTML_FUNCTION_SMALL)
			*function = pruning->functions[*function];
}

static void renumber(const struct pruning *pruning)
{
	struct html_model *model = pruning->model;

	for (size_t i = 1; i < model->tree.nodes.n; i++) {
		struct html_node *node = &model->tree.nodes.items[i];

		node->frame = pruning->frames[node->frame];
	}
	vec_foreach (record, &model->tree.records)
		record->labels = pruning->label_sets[record->labels];
	renumber_rest(pruning, &model->rest_flat);
	renumber_rest(pruning, &model->rest_cumulative);
}

/* Takes the strings that stay, and leaves no index of what has moved. */
static void finish(struct pruning *pruning)
{
	struct html_model *model = pruning->model;
	struct strtab all = model->strings;

	model->strings = pruning->strings;
	pruning->strings = all;
	index_deinit(&model->function_index);
	index_deinit(&model->frame_index);
	index_deinit(&model->label_index);
	index_deinit(&model->tree.node_index);
	index_deinit(&model->tree.record_index);
}

static int prune(struct pruning *pruning)
{
	struct html_model *model = pruning->model;
	int r = find_used(pruning);

	if (r)
		return r;
	number_used(pruning->functions, model->functions.n);
	number_used(pruning->frames, model->frames.n);
	number_used(pruning->label_sets, model->label_sets.n);
	renumber(pruning);
	r = move_functions(pruning);
	r = r ? r : move_frames(pruning);
	r = r ? r : move_label_sets(pruning);
	if (!r)
		finish(pruning);
	return r;
}

int html_prune(struct html_model *model)
{
	size_t n_functions = model->functions.n, n_frames = model->frames.n;
	size_t n = n_functions + n_frames + model->label_sets.n;
	uint32_t *numbers = malloc((n + 1) * sizeof(*numbers));
	struct pruning pruning = {.model = model};
	int r;

	if (!numbers)
		return -ENOMEM;
	memset(numbers, 0xff, n * sizeof(*numbers)); /* UNUSED */
	pruning.functions = numbers;
	pruning.frames = numbers + n_functions;
	pruning.label_sets = numbers + n_functions + n_frames;
	r = prune(&pruning);
	strtab_deinit(&pruning.strings);
	free(numbers);
	return r;
}
