/* SPDX-License-Identifier: MIT */
/* A heap record is what is kept of a heap graph after the target was let go. It has no contents of
 * the target's memory. A child process sends it as bytes; it may have been taken over by what it
 * has read, so every number is checked. */
#pragma once
#include "base/vec.h"
#include "inspect/heap_graph.h"

#define HEAP_RECORD_NONE UINT32_MAX

enum {
	HEAP_SOURCE_PATH_MAX = 256,
};

/* What the roots are in. */
enum heap_source_kind {
	HEAP_SOURCE_THREAD, /* the registers, the stack and the descriptor of a thread */
	HEAP_SOURCE_DATA,   /* the variables of a program or library */
	HEAP_SOURCE_MEMORY, /* memory that the program has mapped itself */
	HEAP_SOURCE_KINDS,
};

struct heap_source {
	uint64_t start, end, offset; /* of the mapping, and where it is in its file */
	uint32_t kind;
	int32_t thread; /* its ID */
	char path[HEAP_SOURCE_PATH_MAX];
};

struct heap_node {
	uint64_t size;
	uint32_t stack; /* of a recorded block; HEAP_RECORD_NONE: it is not recorded */
	uint32_t unused;
};

struct heap_root {
	uint64_t address; /* in a source that is data */
	uint32_t source, target;
};

struct heap_header {
	uint64_t interval; /* between samples; 1: every block is recorded */
	uint64_t n_nodes, n_edges, n_roots, n_sources, n_stacks, n_frames;
	uint64_t stop_ms, n_bytes, n_unreadable;
	uint32_t has_graph; /* 0: a limit was exceeded; nodes are the recorded blocks, without edges
			     */
	uint32_t are_chunks;
	char problem[256]; /* why there is no graph, or why nodes are not chunks; or "" */
};

struct heap_record {
	struct heap_header header;
	const struct heap_node *nodes;
	const struct heap_root *roots;
	const struct heap_source *sources;
	const struct hp_snapshot_stack *stacks;
	const uint64_t *frames;
	const uint32_t *first_edge, *edges;
	const char *rest; /* the bytes after it */
	size_t rest_size;
};

typedef VEC(char) heap_record_bytes;

/* Appends the record of a graph; NULL: of the recorded blocks alone, because of `problem`. Returns
 * 0 or -ENOMEM. */
int heap_record_put(heap_record_bytes *bytes, const struct heap_graph *graph,
		    const struct hp_target *target, const struct hp_snapshot_blocks *blocks,
		    const char *problem, uint64_t stop_ms);

/* Finds the parts of a record in bytes, which must be aligned to 8 and outlive it. Returns false if
 * the bytes are not a valid record. */
bool heap_record_take(struct heap_record *record, const char *bytes, size_t size);
