/* SPDX-License-Identifier: MIT */
#include "reports/html/html_tree.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

int html_tree_init(struct html_tree *tree, size_t n_numbers)
{
	*tree = (struct html_tree){.n_numbers = n_numbers};
	return vec_push(&tree->nodes, (struct html_node){0});
}

void html_tree_deinit(struct html_tree *tree)
{
	vec_deinit(&tree->nodes);
	vec_deinit(&tree->records);
	vec_deinit(&tree->values);
	vec_deinit(&tree->order);
	index_deinit(&tree->node_index);
	index_deinit(&tree->record_index);
}

uint32_t html_tree_child(struct html_tree *tree, uint32_t parent, uint32_t frame)
{
	uint64_t hash = hash_mix(parent, frame);
	struct index_walk walk = index_walk(&tree->node_index, hash);
	uint32_t number;

	while (index_next(&walk, &number))
		if (tree->nodes.items[number].parent == parent &&
		    tree->nodes.items[number].frame == frame)
			return number;
	number = (uint32_t)tree->nodes.n;
	if (number == UINT32_MAX || index_insert(&tree->node_index, hash, number) ||
	    vec_push(&tree->nodes, (struct html_node){parent, frame}))
		return UINT32_MAX;
	return number;
}

static int add_zeroes(struct html_tree *tree)
{
	int r = vec_reserve(&tree->values, tree->n_numbers);

	for (size_t i = 0; !r && i < tree->n_numbers; i++)
		r = vec_push(&tree->values, 0);
	return r;
}

int html_tree_record(struct html_tree *tree, const struct html_record *key, uint32_t *out)
{
	uint64_t hash = hash_mix(hash_mix(key->node, key->labels),
				 hash_mix((uint64_t)key->interval, (uint64_t)key->class));
	struct index_walk walk = index_walk(&tree->record_index, hash);
	int r;

	while (index_next(&walk, out)) {
		const struct html_record *known = &tree->records.items[*out];

		if (known->node == key->node && known->labels == key->labels &&
		    known->class == key->class && known->interval == key->interval)
			return 0;
	}
	*out = (uint32_t)tree->records.n;
	r = index_insert(&tree->record_index, hash, *out);
	r = r ? r : vec_push(&tree->records, *key);
	return r ? r : add_zeroes(tree);
}

int html_tree_sort(struct html_tree *tree)
{
	size_t *next = calloc(tree->nodes.n + 1, sizeof(*next)); /* for each node: its place */
	int r = next ? 0 : -ENOMEM;

	tree->order.n = 0;
	r = r ? r : vec_reserve(&tree->order, tree->records.n);
	if (!r) {
		vec_foreach (record, &tree->records)
			next[record->node + 1]++;
		for (size_t i = 1; i < tree->nodes.n; i++)
			next[i] += next[i - 1];
		for (uint32_t i = 0; i < tree->records.n; i++)
			tree->order.items[next[tree->records.items[i].node]++] = i;
		tree->order.n = tree->records.n;
	}
	free(next);
	return r;
}
