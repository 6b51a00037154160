/* SPDX-License-Identifier: MIT */
/* The sources of roots: threads, data of programs and libraries, and other mappings. */
#pragma once
#include "inspect/heap_record.h"

struct heap_sources {
	VEC(struct heap_source) items;
	VEC(struct heap_root) roots; /* one for each root of the graph */
};

/* Finds the source of each root of the graph. Returns 0 or -ENOMEM. Call heap_sources_deinit() on
 * failure, too. */
int heap_sources_init(struct heap_sources *sources, const struct heap_graph *graph,
		      const struct hp_target *target);
void heap_sources_deinit(struct heap_sources *sources);
