/* SPDX-License-Identifier: MIT */
#include "inspect/lost_states.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct search {
	const struct reach_graph *graph;
	uint8_t *states;
	uint32_t *queue; /* of nodes whose edges are to be followed; a node is in it once */
	size_t n_queued;
};

/* Gives the state to all unknown nodes to which a path leads from those in the queue. Another node
 * that was lost directly, and to which one leads, is lost indirectly. */
static void follow(struct search *s, enum lost_state state)
{
	const struct reach_graph *g = s->graph;

	while (s->n_queued > 0) {
		uint32_t node = s->queue[--s->n_queued];

		for (uint32_t i = g->first_edge[node]; i < g->first_edge[node + 1]; i++) {
			uint32_t next = g->edges[i];

			if (s->states[next] == LOST_UNKNOWN) {
				s->states[next] = (uint8_t)state;
				s->queue[s->n_queued++] = next;
			} else if (s->states[next] == LOST_DIRECTLY && state == LOST_INDIRECTLY) {
				s->states[next] = LOST_INDIRECTLY;
			}
		}
	}
}

static void follow_roots(struct search *s)
{
	const struct reach_graph *g = s->graph;

	for (uint32_t i = 0; i < g->first_root_edge[g->n_roots]; i++) {
		uint32_t node = g->root_edges[i];

		if (s->states[node] != LOST_UNKNOWN)
			continue;
		s->states[node] = LOST_NOT;
		s->queue[s->n_queued++] = node;
	}
	follow(s, LOST_NOT);
}

static void follow_lost(struct search *s)
{
	for (uint32_t i = 0; i < s->graph->n_nodes; i++) {
		if (s->states[i] != LOST_UNKNOWN)
			continue;
		/* While its edges are followed it is an indirect one, as a ring leads back. */
		s->states[i] = LOST_INDIRECTLY;
		s->queue[s->n_queued++] = i;
		follow(s, LOST_INDIRECTLY);
		s->states[i] = LOST_DIRECTLY;
	}
}

int lost_states_find(const struct reach_graph *graph, uint8_t *out_states)
{
	struct search search = {
		.graph = graph,
		.states = out_states,
		.queue = calloc((size_t)graph->n_nodes + 1, sizeof(*search.queue)),
	};

	if (!search.queue)
		return -ENOMEM;
	memset(out_states, LOST_UNKNOWN, graph->n_nodes);
	follow_roots(&search);
	follow_lost(&search);
	free(search.queue);
	return 0;
}
