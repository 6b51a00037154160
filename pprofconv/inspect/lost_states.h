/* SPDX-License-Identifier: MIT */
/* The states of the nodes of a graph: a node is reachable if a path leads to it from a root.
 * Another one is lost: indirectly, if an edge from another lost node leads to it; of a ring, one
 * node is lost directly. */
#pragma once
#include "inspect/reachability.h"

enum lost_state {
	LOST_NOT, /* reachable */
	LOST_DIRECTLY,
	LOST_INDIRECTLY,
	LOST_UNKNOWN,
};

/* Sets the state of each node. Returns 0 or -ENOMEM. */
int lost_states_find(const struct reach_graph *graph, uint8_t *out_states);
