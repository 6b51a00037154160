/* SPDX-License-Identifier: MIT */
#include "reports/html/html_small.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "reports/html/html_functions.h"
#include "reports/html/html_prune.h"
#include "reports/html/html_threshold.h"

#define CLASSES_IN_OCTAVE 16

/* --- shares -------------------------------------------------------------------------------- */

/* Raises the share of each node to its share of the total of one type in one dump. `sums` has room
 * for a number per node. */
static void raise_shares(const struct html_model *model, size_t dump, size_t type, double *sums,
			 double *shares)
{
	const struct html_tree *tree = &model->tree;
	size_t column = dump * html_model_n_columns(model) + 1 + type;

	for (size_t i = 0; i < tree->nodes.n; i++)
		sums[i] = 0;
	for (size_t i = 0; i < tree->records.n; i++)
		sums[tree->records.items[i].node] +=
			fabs((double)html_tree_values(tree, i)[column]);
	for (size_t i = tree->nodes.n; i-- > 1;) /* children have higher numbers */
		sums[tree->nodes.items[i].parent] += sums[i];
	for (size_t i = 0; sums[0] > 0 && i < tree->nodes.n; i++)
		shares[i] = fmax(shares[i], sums[i] / sums[0]);
}

/* --- merging ------------------------------------------------------------------------------- */

struct merging {
	struct html_model *model;
	struct html_tree to; /* the nodes and the records that stay, and the small ones */
	const double *shares;
	VEC(uint32_t) node_of; /* for each node: its node in `to` */
	VEC(bool) is_merged;   /* for each node: whether it became a small node */
	VEC(bool) is_counted;  /* for each node: whether its stack was counted as merged */
	bool *is_shown;        /* for each function: whether a node that stays has it */
	uint32_t *counted_as;  /* for each function: itself or HTML_FUNCTION_SMALL */
	uint32_t *counted_in;  /* for each of these: 1 + the last record that was counted */
	uint32_t *rest_at[2];  /* for each of these: 1 + its place in the rest, or 0 */
	uint32_t small_frame;
	bool by_octave;
};

static bool is_kept(const struct merging *merging, uint32_t node)
{
	return !merging->is_merged.items[node];
}

static int map_nodes(struct merging *merging)
{
	const struct html_tree *from = &merging->model->tree;
	int r = vec_push(&merging->node_of, 0);

	r = r ? r : vec_push(&merging->is_merged, false);
	for (uint32_t i = 1; !r && i < from->nodes.n; i++) {
		const struct html_node *node = &from->nodes.items[i];
		uint32_t parent = merging->node_of.items[node->parent], own = parent;
		bool stays = merging->shares[i] >= merging->model->threshold;

		if (is_kept(merging, node->parent))
			own = html_tree_child(&merging->to, parent,
					      stays ? node->frame : merging->small_frame);
		r = own == UINT32_MAX ? -ENOMEM : vec_push(&merging->node_of, own);
		r = r ? r
		      : vec_push(&merging->is_merged, !is_kept(merging, node->parent) || !stays);
	}
	return r;
}

/* Adds the values of each dump to `to`. The sizes are kept if `to` has none. */
static int add_values(const struct html_model *model, const int64_t *from, int64_t *to,
		      bool has_sizes)
{
	size_t n = html_model_n_columns(model);

	for (size_t i = 0; i < model->n_dumps * n; i++) {
		if (i % n == 0)
			to[i] = has_sizes && !to[i] ? from[i] : to[i];
		else if (__builtin_add_overflow(to[i], from[i], &to[i]))
			return -EOVERFLOW;
	}
	return 0;
}

/* Returns the place of a function in arrays of all functions and the small ones. */
static size_t slot_of(const struct merging *merging, uint32_t function)
{
	return function == HTML_FUNCTION_SMALL ? merging->model->functions.n : function;
}

static int add_to_rest(struct merging *merging, int kind, struct html_rest *rest, uint32_t function)
{
	int r = vec_push(&rest->functions, function);

	for (size_t i = 0; !r && i < merging->to.n_numbers; i++)
		r = vec_push(&rest->values, 0);
	merging->rest_at[kind][slot_of(merging, function)] = (uint32_t)rest->functions.n;
	return r;
}

static int add_rest(struct merging *merging, int kind, uint32_t function, const int64_t *values)
{
	struct html_rest *rest =
		kind ? &merging->model->rest_cumulative : &merging->model->rest_flat;
	const uint32_t *at = &merging->rest_at[kind][slot_of(merging, function)];
	int r = *at ? 0 : add_to_rest(merging, kind, rest, function);

	return r ? r
		 : add_values(merging->model, values,
			      rest->values.items + (*at - 1) * merging->to.n_numbers, false);
}

/* Notes that a record is counted for a function of the rests. Returns whether it was not before. */
static bool count_once(const struct merging *merging, uint32_t function, uint32_t record)
{
	uint32_t *last = &merging->counted_in[slot_of(merging, function)];
	bool was_counted = *last == record + 1;

	*last = record + 1;
	return !was_counted;
}

/* Adds a merged record to the rests: to the functions of the nodes that were merged, but not to
 * those that a node which stays has too. */
static int add_rests(struct merging *merging, uint32_t record)
{
	const struct html_tree *from = &merging->model->tree;
	const struct html_frame *frames = merging->model->frames.items;
	const int64_t *values = html_tree_values(from, record);
	uint32_t leaf = from->records.items[record].node, node = leaf;
	int r = 0;

	while (!is_kept(merging, node))
		node = from->nodes.items[node].parent;
	for (; node; node = from->nodes.items[node].parent)
		count_once(merging, frames[from->nodes.items[node].frame].function, record);
	for (node = leaf; !r && !is_kept(merging, node); node = from->nodes.items[node].parent) {
		uint32_t function = frames[from->nodes.items[node].frame].function;

		function = merging->counted_as[function];
		if (node == leaf)
			r = add_rest(merging, 0, function, values);
		if (!r && count_once(merging, function, record))
			r = add_rest(merging, 1, function, values);
	}
	return r;
}

/* Counts the stack of a record that is merged into `node`, once. */
static int count_stack(struct merging *merging, uint32_t leaf, uint32_t node)
{
	struct html_model *model = merging->model;
	int r = 0;

	if (merging->is_counted.items[leaf])
		return 0;
	merging->is_counted.items[leaf] = true;
	while (!r && model->n_merged_to.n <= node)
		r = vec_push(&model->n_merged_to, 0);
	if (r)
		return r;
	model->n_merged_to.items[node]++;
	model->n_merged++;
	return 0;
}

static int map_record(struct merging *merging, uint32_t record)
{
	const struct html_tree *from = &merging->model->tree;
	struct html_record key = from->records.items[record];
	bool was_kept = is_kept(merging, key.node), has_size = was_kept && !merging->by_octave;
	uint32_t leaf = key.node, number;
	int r = 0;

	key.node = merging->node_of.items[leaf];
	if (!was_kept) {
		r = add_rests(merging, record);
		r = r ? r : count_stack(merging, leaf, key.node);
		key.labels = 0;
	}
	if (!has_size)
		key.class = key.class / CLASSES_IN_OCTAVE * CLASSES_IN_OCTAVE;
	r = r ? r : html_tree_record(&merging->to, &key, &number);
	return r ? r
		 : add_values(merging->model, html_tree_values(from, record),
			      html_tree_values(&merging->to, number), has_size);
}

/* Chooses the functions that the rests count by themselves. */
static int choose_functions(struct merging *merging, size_t max)
{
	struct html_model *model = merging->model;
	size_t n = model->functions.n;

	merging->is_shown = calloc(n + 1, sizeof(*merging->is_shown));
	merging->counted_as = calloc(n + 1, sizeof(*merging->counted_as));
	merging->counted_in = calloc(n + 1, sizeof(*merging->counted_in));
	for (int kind = 0; kind < 2; kind++)
		merging->rest_at[kind] = calloc(n + 1, sizeof(**merging->rest_at));
	if (!merging->is_shown || !merging->counted_as || !merging->counted_in ||
	    !merging->rest_at[0] || !merging->rest_at[1])
		return -ENOMEM;
	for (uint32_t i = 1; i < model->tree.nodes.n; i++)
		if (is_kept(merging, i))
			merging->is_shown[model->frames.items[model->tree.nodes.items[i].frame]
						  .function] = true;
	return html_functions_choose(model, merging->is_shown, max, merging->counted_as);
}

static int map_all(struct merging *merging, size_t functions_max)
{
	int r = map_nodes(merging);

	r = r ? r : choose_functions(merging, functions_max);
	for (size_t i = 0; !r && i < merging->model->tree.nodes.n; i++)
		r = vec_push(&merging->is_counted, false);
	for (uint32_t i = 0; !r && i < merging->model->tree.records.n; i++)
		r = map_record(merging, i);
	return r;
}

static void merging_deinit(struct merging *merging)
{
	vec_deinit(&merging->node_of);
	vec_deinit(&merging->is_merged);
	vec_deinit(&merging->is_counted);
	free(merging->is_shown);
	free(merging->counted_as);
	free(merging->counted_in);
	free(merging->rest_at[0]);
	free(merging->rest_at[1]);
	html_tree_deinit(&merging->to);
}

static int merge(struct html_model *model, const double *shares, const struct html_limits *limits)
{
	struct merging merging = {.model = model,
				  .shares = shares,
				  .small_frame = (uint32_t)model->frames.n,
				  .by_octave = model->tree.records.n > limits->records};
	int r = html_tree_init(&merging.to, model->tree.n_numbers);

	r = r ? r : map_all(&merging, limits->functions);
	r = r ? r : html_tree_sort(&merging.to);
	r = r ? r : vec_push(&model->frames, (struct html_frame){.is_small = true});
	if (!r) {
		struct html_tree merged = merging.to;

		merging.to = model->tree;
		model->tree = merged;
	}
	merging_deinit(&merging);
	return r;
}

/* Sets *out to the smallest threshold at which the nodes that stay have at most `max` functions. */
static int find_function_threshold(const struct html_model *model, const double *shares, size_t max,
				   double *out)
{
	size_t n = model->functions.n;
	double *largest =
		calloc(n + 1, 2 * sizeof(*largest)); /* share of a node of each function */

	if (!largest)
		return -ENOMEM;
	for (size_t i = 1; i < model->tree.nodes.n; i++) {
		uint32_t frame = model->tree.nodes.items[i].frame;
		double *own = &largest[model->frames.items[frame].function];

		*own = fmax(*own, shares[i]);
	}
	*out = html_threshold(largest, n, max, largest + n);
	free(largest);
	return 0;
}

/* `room` has space for two numbers per node. */
static int find_and_merge(struct html_model *model, const struct html_limits *limits, double *room)
{
	size_t n = model->tree.nodes.n;
	double *shares = room, *sums = room + n, least;
	int r;

	for (size_t i = 0; i < n; i++)
		shares[i] = 0;
	for (size_t dump = 0; dump < model->n_dumps; dump++)
		for (size_t type = 0; type < model->types.n; type++)
			raise_shares(model, dump, type, sums, shares);
	r = find_function_threshold(model, shares, limits->functions, &least);
	if (r)
		return r;
	model->threshold = fmax(least, html_threshold(shares, n, limits->nodes, sums));
	return merge(model, shares, limits);
}

int html_small_merge(struct html_model *model, const struct html_limits *limits)
{
	double *room;
	int r;

	if (model->tree.nodes.n <= limits->nodes && model->tree.records.n <= limits->records)
		return 0;
	room = calloc(model->tree.nodes.n, 2 * sizeof(*room));
	if (!room)
		return -ENOMEM;
	r = find_and_merge(model, limits, room);
	free(room);
	return r ? r : html_prune(model);
}
