/* SPDX-License-Identifier: MIT */
#include "inspect/holders.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

struct search {
	struct holders *out;
	const struct heap_record *record;
	const struct root_groups *groups;
	const uint32_t *kinds;
	struct reach_graph graph;
	uint32_t *root_edges, *first_root_edge;
	struct reachability reach;
	uint32_t *chain; /* nodes whose path needs that of the next one */
};

static uint32_t *make(size_t n)
{
	return calloc(n + 1, sizeof(uint32_t));
}

/* --- the graph ----------------------------------------------------------------------------- */

/* Sorts the roots by their groups. */
static int make_graph(struct search *s)
{
	const struct heap_header *h = &s->record->header;
	uint32_t n = s->groups->n;

	s->root_edges = make(h->n_roots);
	s->first_root_edge = make((size_t)n + 1);
	if (!s->root_edges || !s->first_root_edge || h->n_roots > UINT32_MAX)
		return -ENOMEM;
	for (uint64_t i = 0; i < h->n_roots; i++)
		s->first_root_edge[s->groups->of_root[i]]++;
	for (uint32_t i = 0; i < n; i++)
		s->first_root_edge[i + 1] += s->first_root_edge[i];
	/* From the last on, so that each first edge ends where it belongs. */
	for (uint64_t i = h->n_roots; i-- > 0;)
		s->root_edges[--s->first_root_edge[s->groups->of_root[i]]] =
			s->record->roots[i].target;
	s->first_root_edge[n] = (uint32_t)h->n_roots;
	s->graph = (struct reach_graph){
		.n_roots = n,
		.n_nodes = (uint32_t)h->n_nodes,
		.edges = s->record->edges,
		.first_edge = s->record->first_edge,
		.root_edges = s->root_edges,
		.first_root_edge = s->first_root_edge,
	};
	return 0;
}

/* --- paths --------------------------------------------------------------------------------- */

static bool is_same(const struct holder_path *a, const struct holder_path *b)
{
	return a->before == b->before && a->step == b->step && a->length == b->length &&
	       a->is_repeated == b->is_repeated;
}

static int add_path(struct holders *out, struct holder_path path, uint32_t *number)
{
	uint64_t hash = hash_mix((uint64_t)path.before << 32 | path.step,
				 (uint64_t)path.length << 1 | path.is_repeated);
	struct index_walk walk = index_walk(&out->index, hash);

	while (index_next(&walk, number))
		if (is_same(&out->paths.items[*number], &path))
			return 0;
	*number = (uint32_t)out->paths.n;
	return vec_push(&out->paths, path) || index_insert(&out->index, hash, *number) ? -ENOMEM
										       : 0;
}

/* Sets *number to the path that is longer by a node of that kind. */
static int add_step(struct holders *out, uint32_t before, uint32_t kind, uint32_t *number)
{
	struct holder_path last = out->paths.items[before];

	if (last.length > 1 && last.step == kind) {
		last.is_repeated = true;
		return add_path(out, last, number);
	}
	*number = before;
	if (last.length >= HOLDER_STEPS_MAX)
		return 0;
	return add_path(out,
			(struct holder_path){.before = before,
					     .step = kind,
					     .length = (uint16_t)(last.length + 1)},
			number);
}

/* Finds the path to a node, and those to the nodes on a shortest one that have none yet. */
static int find_path(struct search *s, uint32_t node)
{
	uint32_t n_roots = s->graph.n_roots, n = 0, path, *paths = s->out->path;
	int r;

	while (paths[node] == HEAP_RECORD_NONE && s->reach.parent[node] > n_roots) {
		s->chain[n++] = node;
		node = s->reach.parent[node] - 1 - n_roots;
	}
	r = paths[node] != HEAP_RECORD_NONE
		    ? 0
		    : add_path(s->out,
			       (struct holder_path){.before = HEAP_RECORD_NONE,
						    .step = s->reach.parent[node] - 1,
						    .length = 1},
			       &paths[node]);
	while (!r && n > 0) {
		r = add_step(s->out, paths[node], s->kinds[node], &path);
		node = s->chain[--n];
		if (!r)
			paths[node] = path;
	}
	return r;
}

static int find_paths(struct search *s)
{
	int r = 0;

	s->chain = make(s->graph.n_nodes);
	if (!s->chain || !s->reach.parent)
		return -ENOMEM;
	for (uint32_t i = 0; !r && i < s->graph.n_nodes; i++)
		if (s->out->states[i] == LOST_NOT)
			r = find_path(s, i);
	return r;
}

/* --- all of it ----------------------------------------------------------------------------- */

int holders_init(struct holders *holders, const struct heap_record *record,
		 const struct root_groups *groups, const uint32_t *kinds)
{
	size_t n = record->header.n_nodes;
	struct search search = {
		.out = holders,
		.record = record,
		.groups = groups,
		.kinds = kinds,
	};
	int r;

	*holders = (struct holders){
		.states = calloc(n + 1, sizeof(*holders->states)),
		.path = make(n),
	};
	r = holders->states && holders->path ? make_graph(&search) : -ENOMEM;
	r = r ? r : lost_states_find(&search.graph, holders->states);
	r = r ? r : reachability_init(&search.reach, &search.graph);
	for (size_t i = 0; !r && i < n; i++)
		holders->path[i] = HEAP_RECORD_NONE;
	r = r ? r : find_paths(&search);
	holders->group = search.reach.root;
	search.reach.root = NULL;
	reachability_deinit(&search.reach);
	free(search.root_edges);
	free(search.first_root_edge);
	free(search.chain);
	return r;
}

uint32_t holders_first(const struct holders *holders, uint32_t node)
{
	const struct holder_path *path = &holders->paths.items[holders->path[node]];

	while (path->before != HEAP_RECORD_NONE)
		path = &holders->paths.items[path->before];
	return path->step;
}

void holders_deinit(struct holders *holders)
{
	free(holders->states);
	free(holders->group);
	free(holders->path);
	vec_deinit(&holders->paths);
	index_deinit(&holders->index);
}
