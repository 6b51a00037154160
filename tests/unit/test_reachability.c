/* SPDX-License-Identifier: MIT */
/* Random graphs, compared with the definitions. */
#include "inspect/reachability.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>

enum {
	N_NODES = 40,
	N_ROOTS = 5,
	ROUNDS = 2000,
};

struct random_graph {
	bool has_edge[N_NODES][N_NODES], has_root[N_ROOTS][N_NODES];
	uint32_t edges[N_NODES * N_NODES], first_edge[N_NODES + 1];
	uint32_t root_edges[N_ROOTS * N_NODES], first_root_edge[N_ROOTS + 1];
	struct reach_graph graph;
};

static void make_graph(struct random_graph *g, int percent)
{
	uint32_t n = 0;

	memset(g, 0, sizeof(*g));
	for (int i = 0; i < N_NODES; i++) {
		g->first_edge[i] = n;
		for (int k = 0; k < N_NODES; k++)
			if ((g->has_edge[i][k] = rand() % 1000 < 10 * percent))
				g->edges[n++] = (uint32_t)k;
	}
	g->first_edge[N_NODES] = n;
	n = 0;
	for (int i = 0; i < N_ROOTS; i++) {
		g->first_root_edge[i] = n;
		for (int k = 0; k < N_NODES; k++)
			if ((g->has_root[i][k] = rand() % 1000 < 30))
				g->root_edges[n++] = (uint32_t)k;
	}
	g->first_root_edge[N_ROOTS] = n;
	g->graph = (struct reach_graph){N_ROOTS,       N_NODES,       g->edges,
					g->first_edge, g->root_edges, g->first_root_edge};
}

/* Marks what can be reached without a root (-1: with all). */
static void flood(const struct random_graph *g, int without, bool *out)
{
	int queue[N_NODES], n = 0;

	memset(out, 0, N_NODES);
	for (int i = 0; i < N_ROOTS; i++)
		for (int k = 0; k < N_NODES; k++)
			if (i != without && g->has_root[i][k] && !out[k]) {
				out[k] = true;
				queue[n++] = k;
			}
	for (int i = 0; i < n; i++)
		for (int k = 0; k < N_NODES; k++)
			if (g->has_edge[queue[i]][k] && !out[k]) {
				out[k] = true;
				queue[n++] = k;
			}
}

static void test_random_graphs(void)
{
	static struct random_graph g;
	bool all[N_NODES], without[N_ROOTS][N_NODES];
	struct reachability reach;

	srand(1);
	for (int round = 0; round < ROUNDS; round++) {
		make_graph(&g, round % 6 + 1);
		flood(&g, -1, all);
		for (int i = 0; i < N_ROOTS; i++)
			flood(&g, i, without[i]);
		CHECK_INT_EQ(reachability_init(&reach, &g.graph), 0);
		for (uint32_t k = 0; k < N_NODES; k++) {
			uint32_t holder = REACH_NONE;

			CHECK_INT_EQ(reachability_has(&reach, k), all[k]);
			for (uint32_t i = 0; i < N_ROOTS; i++)
				if (all[k] && !without[i][k])
					holder = i;
			CHECK_UINT_EQ(reach.root[k], holder);
			uint32_t parent = reach.parent[k];

			if (all[k])
				CHECK(parent <= N_ROOTS ? g.has_root[parent - 1][k]
							: g.has_edge[parent - 1 - N_ROOTS][k]);
		}
		reachability_deinit(&reach);
	}
}

/* A list of a million nodes: nothing recurses. */
static void test_a_long_list(void)
{
	enum {
		N = 1000000
	};
	uint32_t *edges = malloc(N * sizeof(*edges)), *first = malloc((N + 1) * sizeof(*first));
	uint32_t root_edge = 0, first_root[] = {0, 1};
	struct reach_graph graph = {1, N, edges, first, &root_edge, first_root};
	struct reachability reach;

	for (uint32_t i = 0; i < N; i++) {
		edges[i] = i + 1 < N ? i + 1 : 0;
		first[i] = i;
	}
	first[N] = N;
	CHECK_INT_EQ(reachability_init(&reach, &graph), 0);
	CHECK_UINT_EQ(reach.root[N - 1], 0);
	CHECK_UINT_EQ(reach.parent[N - 1], 2 + N - 2);
	reachability_deinit(&reach);
	free(edges);
	free(first);
}

static void test_an_empty_graph(void)
{
	uint32_t zero[] = {0, 0};
	struct reach_graph graph = {0, 1, NULL, zero, NULL, zero};
	struct reachability reach;

	CHECK_INT_EQ(reachability_init(&reach, &graph), 0);
	CHECK(!reachability_has(&reach, 0));
	reachability_deinit(&reach);
}

TEST_MAIN(TEST(test_random_graphs), TEST(test_a_long_list), TEST(test_an_empty_graph))
