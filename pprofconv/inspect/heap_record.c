/* SPDX-License-Identifier: MIT */
/* record = header node* root* source* stack* frame* first-edge{n-nodes + 1} edge*
 * Each part is padded to 8 bytes. */
#include "inspect/heap_record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "inspect/heap_sources.h"

enum {
	PART_ALIGNMENT = 8,
};

/* --- putting ------------------------------------------------------------------------------- */

static int put(heap_record_bytes *bytes, const void *part, size_t n, size_t size)
{
	static const char zeroes[PART_ALIGNMENT];
	int r = n ? vec_append(bytes, (const char *)part, n * size) : 0;

	return r ? r
		 : vec_append(bytes, zeroes,
			      (PART_ALIGNMENT - bytes->n % PART_ALIGNMENT) % PART_ALIGNMENT);
}

static int put_node(heap_record_bytes *bytes, uint64_t size, uint32_t stack)
{
	const struct heap_node node = {.size = size, .stack = stack};

	return put(bytes, &node, 1, sizeof(node));
}

static int put_nodes(heap_record_bytes *bytes, const struct heap_graph *graph,
		     const struct hp_snapshot_blocks *blocks)
{
	int r = 0;

	if (!graph) {
		for (size_t i = 0; !r && i < blocks->n_blocks; i++)
			r = put_node(bytes, blocks->blocks[i].size, blocks->blocks[i].stack);
		return r;
	}
	vec_foreach (node, &graph->nodes.items) {
		bool is_recorded = node->block != NODE_NO_BLOCK;

		r = r ? r
		      : put_node(bytes, is_recorded ? blocks->blocks[node->block].size : node->size,
				 is_recorded ? blocks->blocks[node->block].stack
					     : HEAP_RECORD_NONE);
	}
	return r;
}

static struct heap_header header_of(const struct heap_graph *graph,
				    const struct heap_sources *sources,
				    const struct hp_snapshot_blocks *blocks, const char *problem)
{
	struct heap_header header = {
		.interval = blocks->interval,
		.n_nodes = graph ? graph->nodes.items.n : blocks->n_blocks,
		.n_roots = sources->roots.n,
		.n_sources = sources->items.n,
		.n_stacks = blocks->n_stacks,
		.n_frames = blocks->n_frames,
		.has_graph = graph != NULL,
	};

	if (graph) {
		header.n_edges = graph->pointers.edges.n;
		header.n_bytes = graph->pointers.n_bytes;
		header.n_unreadable = graph->pointers.n_unreadable;
		header.are_chunks = graph->nodes.are_chunks;
		problem = graph->nodes.problem;
	}
	snprintf(header.problem, sizeof(header.problem), "%s", problem ? problem : "");
	return header;
}

static int put_graph(heap_record_bytes *bytes, const struct heap_graph *graph, size_t n_nodes)
{
	const uint32_t none = 0;
	int r = 0;

	if (graph) {
		r = put(bytes, graph->pointers.first_edge, n_nodes + 1, sizeof(none));
		return r ? r
			 : put(bytes, graph->pointers.edges.items, graph->pointers.edges.n,
			       sizeof(none));
	}
	for (size_t i = 0; !r && i <= n_nodes; i++)
		r = vec_append(bytes, (const char *)&none, sizeof(none));
	return r ? r : put(bytes, NULL, 0, 0);
}

int heap_record_put(heap_record_bytes *bytes, const struct heap_graph *graph,
		    const struct hp_target *target, const struct hp_snapshot_blocks *blocks,
		    const char *problem, uint64_t stop_ms)
{
	struct heap_sources sources = {.items = {0}};
	struct heap_header header;
	int r = graph ? heap_sources_init(&sources, graph, target) : 0;

	header = header_of(graph, &sources, blocks, problem);
	header.stop_ms = stop_ms;
	r = r ? r : put(bytes, &header, 1, sizeof(header));
	r = r ? r : put_nodes(bytes, graph, blocks);
	r = r ? r : put(bytes, sources.roots.items, sources.roots.n, sizeof(struct heap_root));
	r = r ? r : put(bytes, sources.items.items, sources.items.n, sizeof(struct heap_source));
	r = r ? r : put(bytes, blocks->stacks, blocks->n_stacks, sizeof(*blocks->stacks));
	r = r ? r : put(bytes, blocks->frames, blocks->n_frames, sizeof(*blocks->frames));
	r = r ? r : put_graph(bytes, graph, header.n_nodes);
	heap_sources_deinit(&sources);
	return r;
}

/* --- taking -------------------------------------------------------------------------------- */

/* Returns the next part, of `n` items; or NULL, and ends the record, if there is less. */
static const void *take(struct heap_record *record, uint64_t n, size_t size)
{
	const char *part = record->rest;
	uint64_t bytes, padded;

	if (!part || __builtin_mul_overflow(n, size, &bytes) || bytes > record->rest_size)
		return record->rest = NULL;
	padded = (bytes + PART_ALIGNMENT - 1) & ~(uint64_t)(PART_ALIGNMENT - 1);
	if (padded > record->rest_size)
		return record->rest = NULL;
	record->rest += padded;
	record->rest_size -= padded;
	return part;
}

static bool are_stacks_valid(const struct heap_record *record)
{
	const struct heap_header *h = &record->header;

	for (uint64_t i = 0; i < h->n_stacks; i++)
		if (record->stacks[i].first_frame > h->n_frames ||
		    record->stacks[i].n_frames > h->n_frames - record->stacks[i].first_frame)
			return false;
	for (uint64_t i = 0; i < h->n_nodes; i++)
		if ((record->nodes[i].stack != HEAP_RECORD_NONE &&
		     record->nodes[i].stack >= h->n_stacks) ||
		    record->nodes[i].size >> 48)
			return false;
	return true;
}

static bool are_edges_valid(const struct heap_record *record)
{
	const struct heap_header *h = &record->header;

	if (record->first_edge[0] != 0 || record->first_edge[h->n_nodes] != h->n_edges)
		return false;
	for (uint64_t i = 0; i < h->n_nodes; i++)
		if (record->first_edge[i] > record->first_edge[i + 1])
			return false;
	for (uint64_t i = 0; i < h->n_edges; i++)
		if (record->edges[i] >= h->n_nodes)
			return false;
	return true;
}

static bool are_roots_valid(const struct heap_record *record)
{
	const struct heap_header *h = &record->header;

	for (uint64_t i = 0; i < h->n_roots; i++)
		if (record->roots[i].source >= h->n_sources ||
		    record->roots[i].target >= h->n_nodes)
			return false;
	for (uint64_t i = 0; i < h->n_sources; i++)
		if (record->sources[i].kind >= HEAP_SOURCE_KINDS ||
		    record->sources[i].start > record->sources[i].end ||
		    !memchr(record->sources[i].path, '\0', HEAP_SOURCE_PATH_MAX))
			return false;
	return true;
}

bool heap_record_take(struct heap_record *record, const char *bytes, size_t size)
{
	const struct heap_header *h = &record->header;
	const void *header;

	*record = (struct heap_record){.rest = bytes, .rest_size = size};
	header = take(record, 1, sizeof(*h));
	if (!header)
		return false;
	memcpy(&record->header, header, sizeof(*h));
	if (h->n_nodes >= HEAP_RECORD_NONE || h->n_edges > UINT32_MAX ||
	    h->n_sources >= HEAP_RECORD_NONE || h->n_stacks >= HEAP_RECORD_NONE ||
	    h->interval == 0 || h->interval >> 40 || !memchr(h->problem, '\0', sizeof(h->problem)))
		return false;
	record->nodes = take(record, h->n_nodes, sizeof(*record->nodes));
	record->roots = take(record, h->n_roots, sizeof(*record->roots));
	record->sources = take(record, h->n_sources, sizeof(*record->sources));
	record->stacks = take(record, h->n_stacks, sizeof(*record->stacks));
	record->frames = take(record, h->n_frames, sizeof(*record->frames));
	record->first_edge = take(record, h->n_nodes + 1, sizeof(*record->first_edge));
	record->edges = take(record, h->n_edges, sizeof(*record->edges));
	return record->rest && are_stacks_valid(record) && are_edges_valid(record) &&
	       are_roots_valid(record);
}
