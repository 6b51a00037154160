/* SPDX-License-Identifier: MIT */
/* The heap graph of a target is its blocks, the pointers from one to another, and those that lead
 * to them from elsewhere. */
#pragma once
#include "inspect/pointers.h"

struct heap_graph {
	struct chunks chunks;
	struct nodes nodes;
	struct pointers pointers;
	struct hp_target_threads threads;
};

/* Reads the graph of a stopped process or of a core, which must not change meanwhile. `blocks` are
 * its recorded blocks, NULL if nothing records. Returns 0, or HP_TARGET_E with a message in the
 * target. Call heap_graph_deinit() on failure, too. */
int heap_graph_init(struct heap_graph *graph, struct hp_target *target,
		    const struct hp_snapshot_blocks *blocks, struct inspect_limits *limits);
void heap_graph_deinit(struct heap_graph *graph);
