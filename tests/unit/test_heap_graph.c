/* SPDX-License-Identifier: MIT */
/* Which blocks are lost, for pointers in each place where they can be. */
#include "fake_heap.h"
#include "inspect/lost_blocks.h"
#include "test.h"

enum {
	N = 8,
};

static struct fake_heap fake;
static uint64_t blocks[N];
static struct hp_snapshot_block recorded[N];
static struct hp_snapshot_blocks snapshot;

/* Makes blocks of 100 bytes, of which half are recorded. */
static void make(void)
{
	fake_init(&fake);
	snapshot = (struct hp_snapshot_blocks){.blocks = recorded};
	for (int i = 0; i < N; i++) {
		blocks[i] = fake_block(&fake, 100);
		if (i % 2 == 0)
			recorded[snapshot.n_blocks++] =
				(struct hp_snapshot_block){blocks[i], 100, (uint32_t)i};
	}
	fake_finish(&fake);
}

static void point(uint64_t from, uint64_t to)
{
	*fake_word(&fake, from) = to;
}

/* Writes a letter for each block: R is reachable, D lost directly, I indirectly. */
static const char *states(void)
{
	static char text[N + 1];
	struct inspect_limits limits = {0};
	struct heap_graph graph;
	struct lost_blocks lost;

	memset(text, 'R', N);
	CHECK_INT_EQ(heap_graph_init(&graph, &fake.target, &snapshot, &limits), 0);
	CHECK_INT_EQ(lost_blocks_init(&lost, &graph), 0);
	vec_foreach (block, &lost.items)
		for (int i = 0; i < N; i++)
			if (blocks[i] == block->address) {
				text[i] = block->is_direct ? 'D' : 'I';
				CHECK_UINT_EQ(block->size, i % 2 ? 104 : 100);
				CHECK_UINT_EQ(block->block,
					      i % 2 ? NODE_NO_BLOCK : (uint32_t)i / 2);
			}
	lost_blocks_deinit(&lost);
	heap_graph_deinit(&graph);
	return text;
}

static void test_roots(void)
{
	make();
	CHECK_STR_EQ(states(), "DDDDDDDD");
	point(FAKE_DATA, blocks[0]);
	point(FAKE_DATA + 8, blocks[1] + 99);                   /* to its middle */
	point(FAKE_DATA + 16, blocks[2] + 100);                 /* after it, to no block */
	point(FAKE_STACK + 8 * FAKE_STACK_LIVE, blocks[3]);     /* in the red zone */
	point(FAKE_STACK + 8 * FAKE_STACK_LIVE - 8, blocks[4]); /* below: dead */
	point(FAKE_STACK + 8 * (FAKE_WORDS - 1), blocks[5]);    /* the last word */
	fake.registers[1] = blocks[6];
	CHECK_STR_EQ(states(), "RRDRDRRD");
}

static void test_direct_and_indirect(void)
{
	make();
	point(FAKE_DATA, blocks[0]);
	point(blocks[0] + 8, blocks[1]);
	point(blocks[1] + 96, blocks[2]);
	point(blocks[4], blocks[3]); /* against the order of addresses */
	point(blocks[5], blocks[6]); /* a ring */
	point(blocks[6], blocks[5]);
	point(blocks[7], blocks[7]);
	CHECK_STR_EQ(states(), "RRRIDDID");
	point(blocks[7], blocks[5]);
	CHECK_STR_EQ(states(), "RRRIDIID");
}

/* A word in the rest of a chunk, after what the program asked for, is an old one. */
static void test_old_words_hold_nothing(void)
{
	make();
	point(FAKE_DATA, blocks[0]);
	point(blocks[0] + 88, blocks[1]);
	CHECK_STR_EQ(states(), "RRDDDDDD");
	recorded[0].size = 88;
	CHECK_STR_EQ(states(), "RDDDDDDD");
}

/* The profiler's own memory has the address of each recorded block. */
static void test_own_memory_is_left_out(void)
{
	struct hp_target_range own = {FAKE_DATA + 64, FAKE_DATA + 128};

	make();
	point(FAKE_DATA + 56, blocks[0]);
	point(FAKE_DATA + 64, blocks[1]);
	point(FAKE_DATA + 120, blocks[2]);
	point(FAKE_DATA + 128, blocks[3]);
	snapshot.own = &own;
	snapshot.n_own = 1;
	CHECK_STR_EQ(states(), "RDDRDDDD");
}

/* A recorded block that is in no chunk in use: the program has another allocator. */
static void test_another_allocator(void)
{
	struct inspect_limits limits = {0};
	struct heap_graph graph;

	make();
	recorded[snapshot.n_blocks++] = (struct hp_snapshot_block){FAKE_STACK, 64, 0};
	CHECK_INT_EQ(heap_graph_init(&graph, &fake.target, &snapshot, &limits), 0);
	CHECK(!graph.nodes.are_chunks);
	CHECK(strstr(graph.nodes.problem, "1 of 5 recorded blocks"));
	CHECK_UINT_EQ(graph.nodes.items.n, 5);
	heap_graph_deinit(&graph);
}

static void test_a_heap_that_does_not_add_up(void)
{
	struct inspect_limits limits = {0};
	struct heap_graph graph;

	make();
	*fake_word(&fake, blocks[3] - 8) = 7;
	CHECK_INT_EQ(heap_graph_init(&graph, &fake.target, &snapshot, &limits), 0);
	CHECK(strstr(graph.nodes.problem, "chunk 4 of the main heap"));
	CHECK_UINT_EQ(graph.nodes.items.n, 4);
	heap_graph_deinit(&graph);
}

TEST_MAIN(TEST(test_roots), TEST(test_direct_and_indirect), TEST(test_old_words_hold_nothing),
	  TEST(test_own_memory_is_left_out), TEST(test_another_allocator),
	  TEST(test_a_heap_that_does_not_add_up))
