/* SPDX-License-Identifier: MIT */
/* The weight of a record is its largest share of a total. The weight of a function is the sum of
 * the weights of the records whose stacks have it, so it is at least the function's largest
 * cumulative share. */
#include "reports/html/html_functions.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "reports/html/html_threshold.h"

struct weighing {
	const struct html_model *model;
	double *totals;    /* of each number of a record */
	double *weights;   /* of each function */
	double *sorted;    /* room for as many */
	uint32_t *seen_in; /* for each function: 1 + the last record that was added to its weight */
};

static void add_totals(const struct weighing *weighing)
{
	const struct html_tree *tree = &weighing->model->tree;

	for (size_t i = 0; i < tree->records.n; i++)
		for (size_t at = 0; at < tree->n_numbers; at++)
			weighing->totals[at] += fabs((double)html_tree_values(tree, i)[at]);
}

static double weight_of_record(const struct weighing *weighing, size_t record)
{
	const struct html_tree *tree = &weighing->model->tree;
	size_t n_columns = html_model_n_columns(weighing->model);
	const int64_t *values = html_tree_values(tree, record);
	double weight = 0;

	for (size_t at = 0; at < tree->n_numbers; at++)
		if (at % n_columns != 0 /* the size of blocks */ && values[at])
			weight = fmax(weight, fabs((double)values[at]) / weighing->totals[at]);
	return weight;
}

static void add_weights(const struct weighing *weighing)
{
	const struct html_model *model = weighing->model;
	const struct html_node *nodes = model->tree.nodes.items;

	for (uint32_t i = 0; i < model->tree.records.n; i++) {
		double weight = weight_of_record(weighing, i);

		for (uint32_t node = model->tree.records.items[i].node; node;
		     node = nodes[node].parent) {
			uint32_t function = model->frames.items[nodes[node].frame].function;

			if (weighing->seen_in[function] != i + 1)
				weighing->weights[function] += weight;
			weighing->seen_in[function] = i + 1;
		}
	}
}

static void choose(const struct weighing *weighing, struct html_model *model, const bool *is_shown,
		   size_t max, uint32_t *out_as)
{
	size_t n = model->functions.n;

	model->n_small_functions = 0;
	model->function_threshold = html_threshold(weighing->weights, n, max, weighing->sorted);
	for (uint32_t i = 0; i < n; i++) {
		bool stays = is_shown[i] || weighing->weights[i] >= model->function_threshold;

		out_as[i] = stays ? i : HTML_FUNCTION_SMALL;
		model->n_small_functions += !stays;
	}
}

int html_functions_choose(struct html_model *model, const bool *is_shown, size_t max,
			  uint32_t *out_as)
{
	size_t n = model->functions.n;
	struct weighing weighing = {
		.model = model,
		.totals = calloc(model->tree.n_numbers + 1, sizeof(*weighing.totals)),
		.weights = calloc(n + 1, sizeof(*weighing.weights)),
		.sorted = calloc(n + 1, sizeof(*weighing.sorted)),
		.seen_in = calloc(n + 1, sizeof(*weighing.seen_in)),
	};
	int r = -ENOMEM;

	if (weighing.totals && weighing.weights && weighing.sorted && weighing.seen_in) {
		add_totals(&weighing);
		add_weights(&weighing);
		choose(&weighing, model, is_shown, max, out_as);
		r = 0;
	}
	free(weighing.totals);
	free(weighing.weights);
	free(weighing.sorted);
	free(weighing.seen_in);
	return r;
}
