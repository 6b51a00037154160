/* SPDX-License-Identifier: MIT */
#include "inspect/pointers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/ended_threads.h"

#define PIECE_BYTES (UINT64_C(1) << 20)
#define PAGE_BYTES  UINT64_C(4096)

enum {
	THREAD_DESCRIPTOR = 0x900, /* glibc's, from fs_base on, at the top of a thread's stack */
};

struct scan {
	struct pointers *out;
	struct hp_target *target;
	const struct nodes *nodes;
	const struct chunks *chunks;
	const struct hp_target_threads *threads;
	struct inspect_limits *limits;
	uint64_t *piece;
	uint32_t source;             /* the first node that does not end before the present word */
	uint32_t n_sources;          /* nodes whose first edge is known */
	bool has_nodes;              /* the mapping has nodes, and these are recorded blocks */
	struct hp_target_range dead; /* part of the mapping */
};

/* --- words --------------------------------------------------------------------------------- */

static int add_edge(struct scan *scan, uint32_t source, uint32_t target)
{
	struct pointers *out = scan->out;
	size_t n = out->edges.n;

	while (scan->n_sources <= source)
		out->first_edge[scan->n_sources++] = (uint32_t)n;
	if (source == target || (n > out->first_edge[source] && out->edges.items[n - 1] == target))
		return 0;
	return n < UINT32_MAX ? vec_push(&out->edges, target) : -ENOMEM;
}

static bool is_in_node(const struct scan *scan, uint64_t address)
{
	return scan->source < scan->nodes->items.n &&
	       scan->nodes->items.items[scan->source].start <= address;
}

static bool is_in(const struct hp_target_range *range, uint64_t address)
{
	return address >= range->start && address < range->end;
}

/* A word that leads to a node. */
static int add_pointer(struct scan *scan, uint64_t address, uint32_t target)
{
	const struct nodes *nodes = scan->nodes;

	while (scan->source < nodes->items.n &&
	       nodes->items.items[scan->source].start + nodes->items.items[scan->source].size <=
		       address)
		scan->source++;
	if (is_in_node(scan, address))
		return add_edge(scan, scan->source, target);
	if (nodes->are_chunks ? chunks_is_heap(scan->chunks, address) : scan->has_nodes)
		return 0; /* freed, or the allocator's own */
	if (is_in(&scan->dead, address) || is_in(&scan->chunks->main_arena, address))
		return 0;
	return vec_push(&scan->out->roots, (struct pointer_root){address, target});
}

static int scan_piece(struct scan *scan, uint64_t address, size_t size)
{
	size_t n = size / sizeof(uint64_t);
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		uint64_t word = scan->piece[i];
		uint32_t target;

		if (word - PAGE_BYTES >= (UINT64_C(1) << 47) - PAGE_BYTES)
			continue;
		target = nodes_find(scan->nodes, word);
		if (target != NODE_NO_BLOCK)
			r = add_pointer(scan, address + i * sizeof(word), target);
	}
	return r;
}

/* --- ranges -------------------------------------------------------------------------------- */

static int check_limits(const struct scan *scan)
{
	const struct pointers *out = scan->out;
	size_t bytes = scan->nodes->items.n * sizeof(*scan->nodes->items.items) +
		       scan->chunks->items.n * sizeof(*scan->chunks->items.items) +
		       out->edges.capacity * sizeof(*out->edges.items) +
		       out->roots.capacity * sizeof(*out->roots.items);
	int r = inspect_limits_check_time(scan->limits, scan->target);

	return r ? r : inspect_limits_check_memory(scan->limits, scan->target, bytes);
}

static int read_piece(struct scan *scan, uint64_t address, size_t size)
{
	int r = check_limits(scan);

	if (r)
		return r;
	if (!hp_target_read(scan->target, address, scan->piece, size)) {
		scan->out->n_unreadable++;
		return 0;
	}
	scan->out->n_bytes += size;
	return scan_piece(scan, address, size) ? hp_target_no_memory(scan->target) : 0;
}

static int scan_range(struct scan *scan, uint64_t start, uint64_t end)
{
	struct hp_target_range range = {start, end};
	int r = 0;

	while (!r && hp_target_next_pages(scan->target, &range, true)) {
		uint64_t at = (range.start + 7) & ~UINT64_C(7);

		for (; !r && at < range.end; at += PIECE_BYTES)
			r = read_piece(scan, at,
				       range.end - at < PIECE_BYTES ? range.end - at : PIECE_BYTES);
		range = (struct hp_target_range){range.end, end};
	}
	return r;
}

/* --- mappings ------------------------------------------------------------------------------ */

/* Returns whether the mapping may hold pointers. Devices answer reads in ways of their own. A
 * program may forbid itself to write what it has filled. */
static bool is_scanned(const struct hp_target_mapping *m)
{
	static const char *const kept[] = {"/dev/zero", "/dev/shm/"};
	bool is_device = m->path && m->path_size > 5 && memcmp(m->path, "/dev/", 5) == 0;

	for (size_t i = 0; is_device && i < sizeof(kept) / sizeof(kept[0]); i++)
		if (m->path_size >= strlen(kept[i]) &&
		    memcmp(m->path, kept[i], strlen(kept[i])) == 0)
			is_device = false;
	return m->is_readable && (m->is_writable || !m->path) && !is_device &&
	       !(m->path && m->path_size >= 2 && memcmp(m->path, "[v", 2) == 0);
}

/* The dead part of a stack ends below the stack pointer. Where mappings of stacks have no guard
 * between them they are one, and it begins at the end of the stack below. */
static struct hp_target_range find_dead(const struct scan *scan, const struct hp_target_mapping *m)
{
	struct hp_target_range dead = {m->start, m->start};

	for (size_t i = 0; i < scan->threads->n; i++) {
		uint64_t sp = scan->threads->items[i].stack_pointer;

		if (sp < m->start + POINTER_RED_ZONE || sp >= m->end)
			continue;
		if (dead.end != m->start)
			return (struct hp_target_range){m->start, m->start}; /* several: none is
									       surely dead */
		dead.end = sp - POINTER_RED_ZONE;
	}
	for (size_t i = 0; i < scan->threads->n; i++) {
		uint64_t top = scan->threads->items[i].fs_base + THREAD_DESCRIPTOR;

		if (top > dead.start && top < dead.end)
			dead.start = top;
	}
	return dead;
}

static bool has_node(const struct scan *scan, const struct hp_target_mapping *m)
{
	size_t low = 0, high = scan->nodes->items.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (scan->nodes->items.items[middle].start < m->start)
			low = middle + 1;
		else
			high = middle;
	}
	return low < scan->nodes->items.n && scan->nodes->items.items[low].start < m->end;
}

static int scan_mapping(struct scan *scan, const struct hp_target_mapping *m,
			const struct hp_snapshot_blocks *blocks)
{
	const struct hp_target_range *own = blocks ? blocks->own : NULL;
	size_t n_own = blocks ? blocks->n_own : 0;
	uint64_t at = m->start;
	int r = 0;

	scan->dead = find_dead(scan, m);
	if (scan->dead.end == scan->dead.start)
		scan->dead.end = ended_threads_find(scan->target, m, scan->threads);
	scan->has_nodes = !scan->nodes->are_chunks && has_node(scan, m);
	for (size_t i = 0; !r && i < n_own && at < m->end; i++) {
		if (own[i].end <= at || own[i].start >= m->end)
			continue;
		if (own[i].start > at)
			r = scan_range(scan, at, own[i].start);
		at = own[i].end;
	}
	return r || at >= m->end ? r : scan_range(scan, at, m->end);
}

static int scan_registers(struct scan *scan)
{
	for (size_t i = 0; i < scan->threads->n && i < POINTER_REGISTERS_MAX; i++) {
		const struct hp_target_thread *thread = &scan->threads->items[i];

		for (size_t k = 0; k < thread->n_words; k++) {
			uint32_t target = nodes_find(scan->nodes, thread->words[k]);

			if (target != NODE_NO_BLOCK &&
			    vec_push(&scan->out->roots, (struct pointer_root){i, target}))
				return hp_target_no_memory(scan->target);
		}
	}
	return 0;
}

int pointers_init(struct pointers *pointers, struct hp_target *target, const struct nodes *nodes,
		  const struct chunks *chunks, const struct hp_target_threads *threads,
		  const struct hp_snapshot_blocks *blocks, struct inspect_limits *limits)
{
	struct scan scan = {
		.out = pointers,
		.target = target,
		.nodes = nodes,
		.chunks = chunks,
		.threads = threads,
		.limits = limits,
		.piece = malloc(PIECE_BYTES),
	};
	int r = 0;

	*pointers = (struct pointers){.n_bytes = 0};
	pointers->first_edge = calloc(nodes->items.n + 1, sizeof(*pointers->first_edge));
	if (!scan.piece || !pointers->first_edge)
		r = hp_target_no_memory(target);
	for (size_t i = 0; !r && i < target->n_mappings; i++)
		if (is_scanned(&target->mappings[i]))
			r = scan_mapping(&scan, &target->mappings[i], blocks);
	while (!r && scan.n_sources <= nodes->items.n)
		pointers->first_edge[scan.n_sources++] = (uint32_t)pointers->edges.n;
	if (!r)
		r = scan_registers(&scan);
	free(scan.piece);
	return r;
}

void pointers_deinit(struct pointers *pointers)
{
	vec_deinit(&pointers->edges);
	vec_deinit(&pointers->roots);
	free(pointers->first_edge);
}
