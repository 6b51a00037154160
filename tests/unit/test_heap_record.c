/* SPDX-License-Identifier: MIT */
/* Records as they are sent, damaged ones, and who holds the blocks of a record. */
#include "fake_heap.h"
#include "inspect/graph_sums.h"
#include "test.h"

enum {
	N = 6,
	ROUNDS = 20000,
};

static struct fake_heap fake;
static uint64_t blocks[N];
static struct hp_snapshot_block recorded[N];
static uint64_t frames[] = {0x1001, 0x2001};
static struct hp_snapshot_stack stacks[] = {{0, 1}, {0, 2}};
static struct hp_snapshot_blocks snapshot = {
	.blocks = recorded,
	.n_blocks = N,
	.stacks = stacks,
	.n_stacks = 2,
	.frames = frames,
	.n_frames = 2,
	.interval = 1,
};

/* Blocks 0 to 2 are a list that a word in the data holds. The stack holds 3, and both hold 4. Block
 * 5 is lost. */
static void make(heap_record_bytes *bytes)
{
	struct inspect_limits limits = {0};
	struct heap_graph graph;

	fake_init(&fake);
	for (int i = 0; i < N; i++) {
		blocks[i] = fake_block(&fake, 40);
		recorded[i] = (struct hp_snapshot_block){blocks[i], 40, i % 2};
	}
	fake_finish(&fake);
	*fake_word(&fake, FAKE_DATA) = blocks[0];
	*fake_word(&fake, blocks[0]) = blocks[1];
	*fake_word(&fake, blocks[1]) = blocks[2];
	*fake_word(&fake, FAKE_STACK + 8 * (FAKE_WORDS - 1)) = blocks[3];
	*fake_word(&fake, FAKE_STACK + 8 * (FAKE_WORDS - 2)) = blocks[4];
	*fake_word(&fake, FAKE_DATA + 8) = blocks[4];
	CHECK_INT_EQ(heap_graph_init(&graph, &fake.target, &snapshot, &limits), 0);
	CHECK_INT_EQ(heap_record_put(bytes, &graph, &fake.target, &snapshot, NULL, 7), 0);
	heap_graph_deinit(&graph);
}

/* Each source is a group. */
static int find_holders(struct holders *holders, const struct heap_record *record)
{
	struct root_groups groups = {
		.of_root = calloc(record->header.n_roots + 1, sizeof(*groups.of_root)),
		.n = (uint32_t)record->header.n_sources,
	};
	uint32_t *kinds = calloc(record->header.n_nodes + 1, sizeof(*kinds));
	int r;

	for (uint64_t i = 0; i < record->header.n_roots; i++)
		groups.of_root[i] = record->roots[i].source;
	for (uint64_t i = 0; i < record->header.n_nodes; i++)
		kinds[i] = record->nodes[i].stack;
	r = holders_init(holders, record, &groups, kinds);
	free(groups.of_root);
	free(kinds);
	return r;
}

static void test_who_holds_what(void)
{
	const uint32_t labels[] = {0, 1};
	heap_record_bytes bytes = {0};
	struct heap_record record;
	struct holders holders;
	struct graph_sums sums;

	make(&bytes);
	CHECK(heap_record_take(&record, bytes.items, bytes.n));
	CHECK_UINT_EQ(record.rest_size, 0);
	CHECK_UINT_EQ(record.header.n_nodes, N);
	CHECK_UINT_EQ(record.header.stop_ms, 7);
	CHECK_UINT_EQ(record.header.n_sources, 2);
	CHECK_UINT_EQ(record.sources[0].kind, HEAP_SOURCE_THREAD);
	CHECK_UINT_EQ(record.sources[1].kind, HEAP_SOURCE_DATA);
	CHECK_STR_EQ(record.sources[1].path, "/usr/lib/libc.so.6");
	CHECK_INT_EQ(find_holders(&holders, &record), 0);
	for (int i = 0; i < N; i++) {
		CHECK_UINT_EQ(holders.states[i], i == 5 ? LOST_DIRECTLY : LOST_NOT);
		CHECK_UINT_EQ(holders.group[i], i <= 2 ? 1 : i == 3 ? 0 : HEAP_RECORD_NONE);
	}
	CHECK_UINT_EQ(holders.paths.items[holders.path[2]].length, 3);
	CHECK_UINT_EQ(holders_first(&holders, 2), 1);
	CHECK_INT_EQ(graph_sums_init(&sums, &record, &holders, 2, labels, 2), 0);
	CHECK_NEAR(sums.all.bytes.value, 240, 0.1);
	CHECK_NEAR(sums.lost.bytes.value, 40, 0.1);
	CHECK_UINT_EQ(sums.by_group.items[0].group, 1);
	CHECK_NEAR(sums.by_group.items[0].alone.bytes.value, 120, 0.1);
	graph_sums_deinit(&sums);
	holders_deinit(&holders);
	vec_deinit(&bytes);
}

static void test_without_a_graph(void)
{
	heap_record_bytes bytes = {0};
	struct heap_record record;

	make(&bytes);
	bytes.n = 0;
	CHECK_INT_EQ(heap_record_put(&bytes, NULL, &fake.target, &snapshot, "too slow", 1), 0);
	CHECK_INT_EQ(vec_append(&bytes, "rest", 4), 0);
	CHECK(heap_record_take(&record, bytes.items, bytes.n));
	CHECK(!record.header.has_graph);
	CHECK_STR_EQ(record.header.problem, "too slow");
	CHECK_UINT_EQ(record.header.n_nodes, N);
	CHECK(record.rest_size == 4 && memcmp(record.rest, "rest", 4) == 0);
	vec_deinit(&bytes);
}

/* A child that was taken over may send anything: each record is refused, or can be used. */
static void test_damaged_records(void)
{
	heap_record_bytes bytes = {0};
	int n_taken = 0;
	char *copy;

	make(&bytes);
	srand(1);
	for (int round = 0; round < ROUNDS; round++) {
		size_t size = rand() % 8 ? bytes.n : (size_t)rand() % bytes.n;
		struct heap_record record;
		struct holders holders;

		copy = malloc(size + 1);
		memcpy(copy, bytes.items, size);
		for (int i = rand() % 3; i >= 0 && size > 0; i--)
			copy[(size_t)rand() % size] = (char)(rand() % 2 ? rand() % 8 : rand());
		if (heap_record_take(&record, copy, size)) {
			n_taken++;
			CHECK_INT_EQ(find_holders(&holders, &record), 0);
			holders_deinit(&holders);
		}
		free(copy);
	}
	CHECK(n_taken > 0 && n_taken < ROUNDS);
	vec_deinit(&bytes);
}

TEST_MAIN(TEST(test_who_holds_what), TEST(test_without_a_graph), TEST(test_damaged_records))
