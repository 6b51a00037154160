/* SPDX-License-Identifier: MIT */
/* Reachability says which nodes of a graph a path leads to from a root, which root is on all paths
 * to a node (its dominator), and a shortest path to each node. Roots are groups of words, such as
 * those of one global variable; a node of its own stands for each. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The graph. Items are numbered: 0 is above all roots, then come the roots, then the nodes. */
struct reach_graph {
	uint32_t n_roots, n_nodes;
	const uint32_t *edges;      /* targets, numbers of nodes from 0 on */
	const uint32_t *first_edge; /* for each node and one more */
	const uint32_t *root_edges; /* the same for roots */
	const uint32_t *first_root_edge;
};

#define REACH_NONE UINT32_MAX

struct reachability {
	uint32_t *root;   /* for each node: the root that alone holds it; REACH_NONE: several do, or
			     none */
	uint32_t *parent; /* for each node: the item before it on a shortest path, or REACH_NONE: it
			     is not reachable. Of items: 1 + n_roots is the first node */
};

/* Returns 0 or -ENOMEM. Call reachability_deinit() on failure, too. */
int reachability_init(struct reachability *reach, const struct reach_graph *graph);
void reachability_deinit(struct reachability *reach);

static inline bool reachability_has(const struct reachability *reach, uint32_t node)
{
	return reach->parent[node] != REACH_NONE;
}
