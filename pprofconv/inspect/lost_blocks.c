/* SPDX-License-Identifier: MIT */
#include "inspect/lost_blocks.h"

#include <errno.h>
#include <stdlib.h>

#include "inspect/lost_states.h"

static int list(const struct nodes *nodes, const uint8_t *states, struct lost_blocks *lost)
{
	int r = 0;

	for (size_t i = 0; !r && i < nodes->items.n; i++) {
		const struct node *node = &nodes->items.items[i];
		const struct lost_block block = {
			.address = node->start,
			.size = node->size,
			.block = node->block,
			.is_direct = states[i] == LOST_DIRECTLY,
		};

		if (states[i] != LOST_NOT)
			r = vec_push(&lost->items, block);
	}
	return r;
}

/* All roots together are one. */
int lost_blocks_init(struct lost_blocks *lost, const struct heap_graph *graph)
{
	const struct pointers *pointers = &graph->pointers;
	uint8_t *states = calloc(graph->nodes.items.n + 1, sizeof(*states));
	uint32_t *targets = calloc(pointers->roots.n + 1, sizeof(*targets));
	const uint32_t first_root_edge[] = {0, (uint32_t)pointers->roots.n};
	const struct reach_graph reach = {
		.n_roots = 1,
		.n_nodes = (uint32_t)graph->nodes.items.n,
		.edges = pointers->edges.items,
		.first_edge = pointers->first_edge,
		.root_edges = targets,
		.first_root_edge = first_root_edge,
	};
	int r = states && targets && pointers->roots.n < UINT32_MAX ? 0 : -ENOMEM;

	*lost = (struct lost_blocks){.items = {0}};
	for (size_t i = 0; !r && i < pointers->roots.n; i++)
		targets[i] = pointers->roots.items[i].target;
	r = r ? r : lost_states_find(&reach, states);
	r = r ? r : list(&graph->nodes, states, lost);
	free(states);
	free(targets);
	return r;
}

void lost_blocks_deinit(struct lost_blocks *lost)
{
	vec_deinit(&lost->items);
}
