/* SPDX-License-Identifier: MIT */
/* The first sources are the threads, by their numbers; then come mappings that have roots. */
#include "inspect/heap_sources.h"

#include <errno.h>
#include <stdio.h>

struct search {
	struct heap_sources *out;
	const struct heap_graph *graph;
	const struct hp_target *target;
	const struct hp_target_mapping *mapping; /* of the last root */
	uint32_t source;                         /* of that mapping */
};

static bool is_in(const struct hp_target_mapping *m, uint64_t address)
{
	return address >= m->start && address < m->end;
}

/* Returns the number of the thread whose stack or descriptor contains the address: of those whose
 * stack pointer is in this mapping the last one below it; else one whose descriptor is in it.
 * Returns HEAP_RECORD_NONE if there is none. */
static uint32_t find_thread(const struct search *s, const struct hp_target_mapping *m,
			    uint64_t address)
{
	const struct hp_target_threads *threads = &s->graph->threads;
	uint32_t found = HEAP_RECORD_NONE;
	uint64_t best = 0;

	for (size_t i = 0; i < threads->n; i++) {
		uint64_t sp = threads->items[i].stack_pointer;

		if (is_in(m, sp) && sp <= address + POINTER_RED_ZONE && sp >= best) {
			found = (uint32_t)i;
			best = sp;
		}
	}
	for (size_t i = 0; found == HEAP_RECORD_NONE && i < threads->n; i++)
		if (is_in(m, threads->items[i].fs_base))
			found = (uint32_t)i;
	return found;
}

/* Returns the writable mapping of a file after which the mapping comes directly: it is its .bss,
 * and perhaps more. Returns NULL if there is none. */
static const struct hp_target_mapping *file_before(const struct hp_target *t,
						   const struct hp_target_mapping *m)
{
	const struct hp_target_mapping *before = m > t->mappings ? m - 1 : NULL;

	return before && !m->path && before->end == m->start && before->path &&
			       before->path[0] == '/' && before->is_writable && before->is_private
		       ? before
		       : NULL;
}

static int add_mapping(struct search *s, const struct hp_target_mapping *m)
{
	const struct hp_target_mapping *file = m->path && m->path[0] == '/' ? m : NULL;
	struct heap_source source = {
		.start = m->start,
		.end = m->end,
		.offset = m->offset,
		.kind = HEAP_SOURCE_MEMORY,
	};

	if (!file)
		file = file_before(s->target, m);
	if (file && file->is_private)
		source.kind = HEAP_SOURCE_DATA;
	if (file && file != m)
		source.offset = file->offset + (m->start - file->start);
	if (!file)
		file = m;
	snprintf(source.path, sizeof(source.path), "%.*s",
		 (int)(file->path_size < sizeof(source.path) ? file->path_size : 0),
		 file->path ? file->path : "");
	s->source = (uint32_t)s->out->items.n;
	s->mapping = m;
	return vec_push(&s->out->items, source);
}

static int add_root(struct search *s, const struct pointer_root *root)
{
	struct heap_root added = {.target = root->target};
	const struct hp_target_mapping *m;
	int r = 0;

	added.source = (uint32_t)root->source;
	if (root->source >= POINTER_REGISTERS_MAX) {
		m = s->mapping && is_in(s->mapping, root->source)
			    ? s->mapping
			    : hp_target_mapping_at(s->target, root->source);
		if (!m)
			return 0;
		added.source = find_thread(s, m, root->source);
		if (added.source == HEAP_RECORD_NONE && m != s->mapping)
			r = add_mapping(s, m);
		if (added.source == HEAP_RECORD_NONE)
			added.source = s->source;
		added.address = root->source;
	}
	return r ? r : vec_push(&s->out->roots, added);
}

int heap_sources_init(struct heap_sources *sources, const struct heap_graph *graph,
		      const struct hp_target *target)
{
	struct search search = {.out = sources, .graph = graph, .target = target};
	int r = 0;

	*sources = (struct heap_sources){.items = {0}};
	for (size_t i = 0; !r && i < graph->threads.n; i++)
		r = vec_push(&sources->items,
			     (struct heap_source){.kind = HEAP_SOURCE_THREAD,
						  .thread = graph->threads.items[i].id});
	vec_foreach (root, &graph->pointers.roots)
		r = r ? r : add_root(&search, root);
	return r;
}

void heap_sources_deinit(struct heap_sources *sources)
{
	vec_deinit(&sources->items);
	vec_deinit(&sources->roots);
}
