/* SPDX-License-Identifier: MIT */
#include "inspect/graph_sums.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/index.h"

struct adding {
	struct graph_sums *out;
	struct sampling objects;
	struct graph_sum *by_label, *lost_by_label;
	struct graph_held *by_group;
	struct index shares; /* from a label and a path to its number in out->shares */
	uint32_t *order;     /* of labels: their places in out->by_label */
};

static int add_share(struct adding *a, uint32_t label, uint32_t path, double bytes)
{
	uint64_t hash = hash_mix(label, path);
	struct index_walk walk = index_walk(&a->shares, hash);
	uint32_t i;

	while (index_next(&walk, &i)) {
		struct graph_share *share = &a->out->shares.items[i];

		if (share->label == label && share->path == path) {
			share->bytes += bytes;
			return 0;
		}
	}
	i = (uint32_t)a->out->shares.n;
	return vec_push(&a->out->shares, (struct graph_share){label, path, bytes}) ||
			       index_insert(&a->shares, hash, i)
		       ? -ENOMEM
		       : 0;
}

static void add(struct graph_sum *sum, const struct graph_sum *block)
{
	estimate_add(&sum->bytes, &block->bytes);
	estimate_add(&sum->objects, &block->objects);
}

/* Returns the estimate that follows from one recorded block. A block of no bytes was sampled like
 * one of 1. */
static struct graph_sum weigh(const struct adding *a, uint64_t size)
{
	double bytes = size ? (double)size : 1;

	return (struct graph_sum){.bytes = sampling_weigh(&a->out->sampling, 1, bytes),
				  .objects = sampling_weigh(&a->objects, 1, bytes)};
}

static int add_node(struct adding *a, const struct heap_record *record,
		    const struct holders *holders, uint32_t node, uint32_t label)
{
	struct graph_sum block = weigh(a, record->nodes[node].size);

	a->out->n_blocks++;
	add(&a->out->all, &block);
	add(&a->by_label[label], &block);
	if (!holders)
		return 0;
	if (holders->states[node] != LOST_NOT) {
		add(&a->out->lost, &block);
		add(&a->lost_by_label[label], &block);
	} else if (holders->group[node] == HEAP_RECORD_NONE) {
		add(&a->by_group[holders_first(holders, node)].first, &block);
	} else {
		add(&a->by_group[holders->group[node]].alone, &block);
	}
	return add_share(a, label, holders->path[node], block.bytes.value);
}

/* --- sorting ------------------------------------------------------------------------------- */

static int compare_sums(const void *left, const void *right)
{
	const struct graph_sum *a = left, *b = right;

	if (a->bytes.value != b->bytes.value)
		return a->bytes.value < b->bytes.value ? 1 : -1;
	return a->key < b->key ? -1 : a->key > b->key;
}

static int sort_sums(const struct graph_sum *sums, size_t n, graph_sum_vec *out)
{
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		struct graph_sum sum = sums[i];

		sum.key = (uint32_t)i;
		if (sum.objects.value > 0)
			r = vec_push(out, sum);
	}
	if (out->n)
		qsort(out->items, out->n, sizeof(*out->items), compare_sums);
	return r;
}

static double held(const struct graph_held *group)
{
	return group->alone.bytes.value + group->first.bytes.value;
}

static int compare_groups(const void *left, const void *right)
{
	const struct graph_held *a = left, *b = right;

	if (held(a) != held(b))
		return held(a) < held(b) ? 1 : -1;
	return a->group < b->group ? -1 : a->group > b->group;
}

static int sort_groups(struct adding *a, uint32_t n)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < n; i++) {
		a->by_group[i].group = i;
		if (held(&a->by_group[i]) > 0)
			r = vec_push(&a->out->by_group, a->by_group[i]);
	}
	if (a->out->by_group.n)
		qsort(a->out->by_group.items, a->out->by_group.n, sizeof(*a->out->by_group.items),
		      compare_groups);
	return r;
}

static int compare_shares(const void *left, const void *right, void *context)
{
	const struct graph_share *a = left, *b = right;
	const uint32_t *order = context;

	if (a->label != b->label)
		return order[a->label] < order[b->label] ? -1 : 1;
	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? 1 : -1;
	return a->path < b->path ? -1 : a->path > b->path;
}

static int sort_all(struct adding *a, uint32_t n_groups, size_t n_labels)
{
	struct graph_sums *out = a->out;
	int r = sort_sums(a->by_label, n_labels, &out->by_label);

	r = r ? r : sort_sums(a->lost_by_label, n_labels, &out->lost_by_label);
	r = r ? r : sort_groups(a, n_groups);
	for (size_t i = 0; i < out->by_label.n; i++)
		a->order[out->by_label.items[i].key] = (uint32_t)i;
	if (!r && out->shares.n)
		qsort_r(out->shares.items, out->shares.n, sizeof(*out->shares.items),
			compare_shares, a->order);
	return r;
}

/* --- all of it ----------------------------------------------------------------------------- */

int graph_sums_init(struct graph_sums *sums, const struct heap_record *record,
		    const struct holders *holders, uint32_t n_groups, const uint32_t *labels,
		    size_t n_labels)
{
	struct adding a = {
		.out = sums,
		.by_label = calloc(n_labels + 1, sizeof(*a.by_label)),
		.lost_by_label = calloc(n_labels + 1, sizeof(*a.lost_by_label)),
		.by_group = calloc((size_t)n_groups + 1, sizeof(*a.by_group)),
		.order = calloc(n_labels + 1, sizeof(*a.order)),
	};
	int r = a.by_label && a.lost_by_label && a.by_group && a.order ? 0 : -ENOMEM;

	*sums = (struct graph_sums){
		.sampling = {.interval = (double)record->header.interval, .is_bytes = true},
	};
	a.objects = sums->sampling;
	a.objects.is_bytes = false;
	for (uint32_t i = 0; !r && i < record->header.n_nodes; i++)
		if (record->nodes[i].stack != HEAP_RECORD_NONE)
			r = add_node(&a, record, holders, i, labels[record->nodes[i].stack]);
	r = r ? r : sort_all(&a, n_groups, n_labels);
	free(a.by_label);
	free(a.lost_by_label);
	free(a.by_group);
	free(a.order);
	index_deinit(&a.shares);
	return r;
}

void graph_sums_deinit(struct graph_sums *sums)
{
	vec_deinit(&sums->lost_by_label);
	vec_deinit(&sums->by_label);
	vec_deinit(&sums->by_group);
	vec_deinit(&sums->shares);
}

double graph_sums_error(const struct graph_sums *sums, const struct graph_sum *sum)
{
	return sampling_error(&sums->sampling, &sum->bytes);
}
