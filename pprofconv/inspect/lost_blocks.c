/* SPDX-License-Identifier: MIT */
#include "inspect/lost_blocks.h"

#include <errno.h>
#include <stdlib.h>

enum {
	UNKNOWN,
	REACHABLE,
	INDIRECT,
	DIRECT,
};

struct search {
	const struct heap_graph *graph;
	uint8_t *states; /* of nodes */
	uint32_t *queue; /* of nodes whose edges are to be followed; a node is in it once */
	size_t n_queued;
};

/* Gives the state to all unknown nodes to which a path leads from those in the queue. Another node
 * that was lost directly, and to which one leads, is lost indirectly. */
static void follow(struct search *s, uint8_t state)
{
	const struct pointers *pointers = &s->graph->pointers;

	while (s->n_queued > 0) {
		uint32_t node = s->queue[--s->n_queued];

		for (uint32_t i = pointers->first_edge[node]; i < pointers->first_edge[node + 1];
		     i++) {
			uint32_t next = pointers->edges.items[i];

			if (s->states[next] == UNKNOWN) {
				s->states[next] = state;
				s->queue[s->n_queued++] = next;
			} else if (s->states[next] == DIRECT && state == INDIRECT) {
				s->states[next] = INDIRECT;
			}
		}
	}
}

static void follow_roots(struct search *s)
{
	vec_foreach (root, &s->graph->pointers.roots) {
		if (s->states[root->target] != UNKNOWN)
			continue;
		s->states[root->target] = REACHABLE;
		s->queue[s->n_queued++] = root->target;
	}
	follow(s, REACHABLE);
}

static void follow_lost(struct search *s)
{
	for (uint32_t i = 0; i < s->graph->nodes.items.n; i++) {
		if (s->states[i] != UNKNOWN)
			continue;
		/* While its edges are followed it is an indirect one, as a ring leads back. */
		s->states[i] = INDIRECT;
		s->queue[s->n_queued++] = i;
		follow(s, INDIRECT);
		s->states[i] = DIRECT;
	}
}

static int list(const struct search *s, struct lost_blocks *lost)
{
	int r = 0;

	for (size_t i = 0; !r && i < s->graph->nodes.items.n; i++) {
		const struct node *node = &s->graph->nodes.items.items[i];
		const struct lost_block block = {
			.address = node->start,
			.size = node->size,
			.block = node->block,
			.is_direct = s->states[i] == DIRECT,
		};

		if (s->states[i] != REACHABLE)
			r = vec_push(&lost->items, block);
	}
	return r;
}

int lost_blocks_init(struct lost_blocks *lost, const struct heap_graph *graph)
{
	size_t n = graph->nodes.items.n;
	struct search search = {
		.graph = graph,
		.states = calloc(n + 1, sizeof(*search.states)),
		.queue = calloc(n + 1, sizeof(*search.queue)),
	};
	int r = search.states && search.queue ? 0 : -ENOMEM;

	*lost = (struct lost_blocks){.items = {0}};
	if (!r) {
		follow_roots(&search);
		follow_lost(&search);
		r = list(&search, lost);
	}
	free(search.states);
	free(search.queue);
	return r;
}

void lost_blocks_deinit(struct lost_blocks *lost)
{
	vec_deinit(&lost->items);
}
