/* SPDX-License-Identifier: MIT */
#include "inspect/heap_graph.h"

#include <stdlib.h>

/* Returns whether the node is a chunk with a mapping of its own that nothing has recorded: it is
 * known by its form alone. */
static bool is_doubtful(const struct heap_graph *graph, const struct node *node)
{
	return node->block == NODE_NO_BLOCK && !chunks_is_heap(&graph->chunks, node->start);
}

/* A doubtful chunk to which nothing points counts as memory that the program has mapped itself,
 * which holds what it points to. */
static int add_doubtful_roots(struct heap_graph *graph)
{
	size_t n = graph->nodes.items.n;
	bool *is_target = calloc(n + 1, sizeof(*is_target));
	int r = 0;

	if (!is_target)
		return -ENOMEM;
	vec_foreach (target, &graph->pointers.edges)
		is_target[*target] = true;
	vec_foreach (root, &graph->pointers.roots)
		is_target[root->target] = true;
	for (uint32_t i = 0; !r && i < n; i++) {
		const struct node *node = &graph->nodes.items.items[i];
		const struct pointer_root root = {node->start, i};

		if (!is_target[i] && is_doubtful(graph, node))
			r = vec_push(&graph->pointers.roots, root);
	}
	free(is_target);
	return r;
}

int heap_graph_init(struct heap_graph *graph, struct hp_target *target,
		    const struct hp_snapshot_blocks *blocks, struct inspect_limits *limits)
{
	int r;

	*graph = (struct heap_graph){.threads.items = NULL};
	r = hp_target_read_threads(target, &graph->threads);
	if (!r)
		r = chunks_init(&graph->chunks, target, limits);
	if (!r && nodes_init(&graph->nodes, &graph->chunks, blocks))
		r = hp_target_no_memory(target);
	if (!r)
		r = pointers_init(&graph->pointers, target, &graph->nodes, &graph->chunks,
				  &graph->threads, blocks, limits);
	if (!r && add_doubtful_roots(graph))
		r = hp_target_no_memory(target);
	return r;
}

void heap_graph_deinit(struct heap_graph *graph)
{
	chunks_deinit(&graph->chunks);
	nodes_deinit(&graph->nodes);
	pointers_deinit(&graph->pointers);
	hp_target_free_threads(&graph->threads);
}
