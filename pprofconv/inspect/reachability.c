/* SPDX-License-Identifier: MIT */
/* Dominators are found by the algorithm Semi-NCA: L. Georgiadis, "Linear-Time Algorithms for
 * Dominators and Related Problems", 2005. A depth-first search numbers the reachable items. The
 * semidominator of an item is the least number from which a path leads to it over larger numbers
 * alone. The immediate dominator is the nearest common ancestor of the semidominator and the parent
 * in the tree of the search. Nothing here recurses: graphs are as deep as lists are long. */
#include "inspect/reachability.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct work {
	const struct reach_graph *graph;
	uint32_t n_items;
	uint32_t *number; /* of an item in the search, plus 1; 0: not reached */
	uint32_t *item;   /* the item with a number */
	uint32_t *parent; /* in the tree, of a number */
	uint32_t *next;   /* the successor that the search takes next, of a number */
	uint32_t *first_predecessor, *predecessors; /* numbers, of a number */
	uint32_t *semi, *label, *ancestor, *dominator, *path;
	uint32_t n_reached;
};

/* Sets *out to the successors of an item, and *offset to what is added to each. Returns how many
 * there are. Those of item 0 are the roots: 1, 2 and so on. */
static uint32_t successors(const struct reach_graph *g, uint32_t item, const uint32_t **out,
			   uint32_t *offset)
{
	*offset = 1 + g->n_roots;
	if (item == 0) {
		*out = NULL;
		return g->n_roots;
	}
	if (item <= g->n_roots) {
		*out = g->root_edges + g->first_root_edge[item - 1];
		return g->first_root_edge[item] - g->first_root_edge[item - 1];
	}
	item -= 1 + g->n_roots;
	*out = g->edges + g->first_edge[item];
	return g->first_edge[item + 1] - g->first_edge[item];
}

static uint32_t successor(const uint32_t *items, uint32_t i, uint32_t offset)
{
	return items ? items[i] + offset : 1 + i;
}

static uint32_t *make(size_t n)
{
	return calloc(n + 1, sizeof(uint32_t));
}

static int allocate(struct work *w)
{
	size_t n = w->n_items;

	w->number = make(n);
	w->item = make(n);
	w->parent = make(n);
	w->next = make(n);
	return w->number && w->item && w->parent && w->next ? 0 : -ENOMEM;
}

static void release(struct work *w)
{
	free(w->number);
	free(w->item);
	free(w->parent);
	free(w->next);
	free(w->first_predecessor);
	free(w->predecessors);
	free(w->semi);
	free(w->label);
	free(w->ancestor);
	free(w->dominator);
	free(w->path);
}

/* --- the search ---------------------------------------------------------------------------- */

static void reach(struct work *w, uint32_t item, uint32_t parent)
{
	w->item[w->n_reached] = item;
	w->parent[w->n_reached] = parent;
	w->number[item] = ++w->n_reached;
}

static void search(struct work *w)
{
	uint32_t at = 0;

	reach(w, 0, 0);
	for (;;) {
		const uint32_t *items;
		uint32_t offset, n = successors(w->graph, w->item[at], &items, &offset);

		while (w->next[at] < n && w->number[successor(items, w->next[at], offset)])
			w->next[at]++;
		if (w->next[at] < n) {
			reach(w, successor(items, w->next[at]++, offset), at);
			at = w->n_reached - 1;
		} else if (at == 0) {
			return;
		} else {
			at = w->parent[at];
		}
	}
}

/* Lists the predecessors of each number. */
static int find_predecessors(struct work *w)
{
	const uint32_t *items;
	uint32_t offset;
	size_t sum = 0;

	w->first_predecessor = make((size_t)w->n_reached + 1);
	if (!w->first_predecessor)
		return -ENOMEM;
	for (uint32_t v = 0; v < w->n_reached; v++) {
		uint32_t n = successors(w->graph, w->item[v], &items, &offset);

		sum += n;
		for (uint32_t i = 0; i < n; i++)
			w->first_predecessor[w->number[successor(items, i, offset)]]++;
	}
	if (sum > UINT32_MAX)
		return -ENOMEM;
	for (uint32_t v = 0; v <= w->n_reached; v++)
		w->first_predecessor[v + 1] += w->first_predecessor[v];
	w->predecessors = make(sum);
	if (!w->predecessors)
		return -ENOMEM;
	/* From the last on, so that each first number ends where it belongs. */
	for (uint32_t v = w->n_reached; v-- > 0;) {
		uint32_t n = successors(w->graph, w->item[v], &items, &offset);

		for (uint32_t i = 0; i < n; i++)
			w->predecessors
				[--w->first_predecessor[w->number[successor(items, i, offset)]]] =
				v;
	}
	return 0;
}

/* --- dominators ---------------------------------------------------------------------------- */

/* Returns the number with the least semidominator on the way from `v` up to the root of its tree in
 * the forest of the numbers that are done, and shortens that way. */
static uint32_t best_above(struct work *w, uint32_t v)
{
	uint32_t n = 0;

	if (w->ancestor[v] == REACH_NONE)
		return v;
	while (w->ancestor[w->ancestor[v]] != REACH_NONE) {
		w->path[n++] = v;
		v = w->ancestor[v];
	}
	while (n > 0) {
		uint32_t below = w->path[--n], above = w->ancestor[below];

		if (w->semi[w->label[above]] < w->semi[w->label[below]])
			w->label[below] = w->label[above];
		w->ancestor[below] = w->ancestor[above];
		v = below;
	}
	return w->label[v];
}

static int find_dominators(struct work *w)
{
	w->semi = make(w->n_reached);
	w->label = make(w->n_reached);
	w->ancestor = make(w->n_reached);
	w->dominator = make(w->n_reached);
	w->path = make(w->n_reached);
	if (!w->semi || !w->label || !w->ancestor || !w->dominator || !w->path)
		return -ENOMEM;
	for (uint32_t v = 0; v < w->n_reached; v++) {
		w->semi[v] = w->label[v] = v;
		w->ancestor[v] = REACH_NONE;
		w->dominator[v] = w->parent[v];
	}
	for (uint32_t v = w->n_reached - 1; v > 0; v--) {
		/* The predecessors of `v` are between two first numbers, one place on: see
		 * find_predecessors(). */
		for (uint32_t i = w->first_predecessor[v + 1]; i < w->first_predecessor[v + 2];
		     i++) {
			uint32_t best = best_above(w, w->predecessors[i]);

			if (w->semi[best] < w->semi[v])
				w->semi[v] = w->semi[best];
		}
		w->ancestor[v] = w->parent[v];
	}
	for (uint32_t v = 1; v < w->n_reached; v++)
		while (w->dominator[v] > w->semi[v])
			w->dominator[v] = w->dominator[w->dominator[v]];
	return 0;
}

/* Says for each node which root dominates it. Dominators have lower numbers. */
static void find_roots(struct work *w, struct reachability *out)
{
	uint32_t first_node = 1 + w->graph->n_roots;

	for (uint32_t v = 1; v < w->n_reached; v++) {
		uint32_t item = w->item[v], dominator = w->item[w->dominator[v]];

		if (item < first_node || dominator == 0)
			continue;
		out->root[item - first_node] =
			dominator < first_node ? dominator - 1 : out->root[dominator - first_node];
	}
}

/* --- shortest paths ------------------------------------------------------------------------ */

static int find_paths(const struct work *w, struct reachability *out)
{
	uint32_t first_node = 1 + w->graph->n_roots;
	uint32_t *queue = make(w->n_items), n = 0;

	if (!queue)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->graph->n_roots; i++)
		queue[n++] = 1 + i;
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t *items;
		uint32_t offset, n_next = successors(w->graph, queue[i], &items, &offset);

		for (uint32_t k = 0; k < n_next; k++) {
			uint32_t item = successor(items, k, offset);

			if (out->parent[item - first_node] != REACH_NONE)
				continue;
			out->parent[item - first_node] = queue[i];
			queue[n++] = item;
		}
	}
	free(queue);
	return 0;
}

int reachability_init(struct reachability *reach, const struct reach_graph *graph)
{
	struct work w = {.graph = graph};
	size_t bytes = ((size_t)graph->n_nodes + 1) * sizeof(uint32_t);
	int r = 0;

	*reach = (struct reachability){.root = malloc(bytes), .parent = malloc(bytes)};
	if (!reach->root || !reach->parent ||
	    __builtin_add_overflow(1 + graph->n_roots, graph->n_nodes, &w.n_items))
		return -ENOMEM;
	memset(reach->root, 0xff, bytes);
	memset(reach->parent, 0xff, bytes);
	r = allocate(&w);
	if (!r) {
		search(&w);
		r = find_predecessors(&w);
	}
	r = r ? r : find_dominators(&w);
	if (!r)
		find_roots(&w, reach);
	r = r ? r : find_paths(&w, reach);
	release(&w);
	return r;
}

void reachability_deinit(struct reachability *reach)
{
	free(reach->root);
	free(reach->parent);
}
