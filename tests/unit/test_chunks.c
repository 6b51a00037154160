/* SPDX-License-Identifier: MIT */
/* Heaps that add up, and hostile ones. */
#include "fake_heap.h"
#include "test.h"

static struct fake_heap fake;

static enum chunk_state state_of(const struct chunks *chunks, uint64_t block)
{
	const struct chunk *chunk = chunks_find(chunks, block);

	CHECK(chunk && chunk->start == block);
	return chunk ? (enum chunk_state)chunk->state : CHUNK_OWN;
}

static void walk(struct chunks *chunks)
{
	struct inspect_limits limits = {0};

	CHECK_INT_EQ(chunks_init(chunks, &fake.target, &limits), 0);
}

static void test_which_are_in_use(void)
{
	uint64_t used, freed, after, small;
	struct chunks chunks;

	fake_init(&fake);
	used = fake_block(&fake, 100);
	freed = fake_block(&fake, 200);
	after = fake_block_after_free(&fake, 1);
	small = fake_block(&fake, 0);
	fake_finish(&fake);
	walk(&chunks);
	CHECK_STR_EQ(chunks.problem, "");
	CHECK_INT_EQ(state_of(&chunks, used), CHUNK_IN_USE);
	CHECK_INT_EQ(state_of(&chunks, freed), CHUNK_FREE);
	CHECK_INT_EQ(state_of(&chunks, after), CHUNK_IN_USE);
	CHECK_INT_EQ(state_of(&chunks, small), CHUNK_IN_USE);
	CHECK_UINT_EQ(chunks_find(&chunks, used)->size, 104);
	CHECK_PTR_EQ(chunks_find(&chunks, used + 60), chunks_find(&chunks, used));
	CHECK_PTR_EQ(chunks_find(&chunks, used - 1), NULL);
	CHECK(chunks_is_heap(&chunks, used - 8) && !chunks_is_heap(&chunks, FAKE_DATA));
	chunks_deinit(&chunks);
}

/* A chunk in a fastbin, of which the arena in the C library's data has the head, and one in a
 * thread's cache look as if they were in use. Their links are mangled, as from glibc 2.32 on. */
static void test_lists_of_free_chunks(void)
{
	uint64_t cache, fast, cached, next, used;
	struct chunks chunks;
	uint16_t *counts;

	fake_init(&fake);
	cache = fake_block(&fake, 0x280);
	fast = fake_block(&fake, 40);
	cached = fake_block(&fake, 24);
	next = fake_block(&fake, 24);
	used = fake_block(&fake, 24);
	fake_finish(&fake);
	fake.data[FAKE_ARENA + 2 + 1] = fast - 16;
	*fake_word(&fake, fast) = fast >> 12; /* leads to 0 */
	counts = (uint16_t *)fake_word(&fake, cache);
	counts[0] = 2;
	*fake_word(&fake, cache + 128) = cached;
	*fake_word(&fake, cached) = cached >> 12 ^ next;
	*fake_word(&fake, next) = next >> 12 ^ next; /* a ring */
	walk(&chunks);
	CHECK_STR_EQ(chunks.problem, "");
	CHECK_INT_EQ(state_of(&chunks, cache), CHUNK_OWN);
	CHECK_INT_EQ(state_of(&chunks, fast), CHUNK_FREE);
	CHECK_INT_EQ(state_of(&chunks, cached), CHUNK_FREE);
	CHECK_INT_EQ(state_of(&chunks, next), CHUNK_FREE);
	CHECK_INT_EQ(state_of(&chunks, used), CHUNK_IN_USE);
	CHECK_UINT_EQ(chunks.n_caches, 1);
	chunks_deinit(&chunks);
}

static void test_a_size_that_does_not_add_up(void)
{
	struct chunks chunks;
	uint64_t block;

	fake_init(&fake);
	fake_block(&fake, 100);
	block = fake_block(&fake, 100);
	fake_finish(&fake);
	*fake_word(&fake, block - 8) = 0x123456789;
	walk(&chunks);
	CHECK(strstr(chunks.problem, "chunk 2 of the main heap has an impossible size"));
	chunks_deinit(&chunks);
}

static void test_limits(void)
{
	struct inspect_limits limits = {.memory_max = 1};
	struct chunks chunks = {.problem = ""};

	CHECK_INT_EQ(inspect_limits_check_memory(&limits, &fake.target, 2), HP_TARGET_E);
	CHECK(strstr(limits.exceeded, "--memory"));
	fake.target.message[0] = '\0';
	limits = (struct inspect_limits){.deadline_ms = 1};
	CHECK_INT_EQ(inspect_limits_check_time(&limits, &fake.target), HP_TARGET_E);
	CHECK(strstr(fake.target.message, "--max-stop"));
	chunks_deinit(&chunks);
}

/* Random words in the heap, in the lists and in the arena: the walk ends, and its chunks are in
 * order. */
static void test_damaged_heaps(void)
{
	srand(1);
	for (int round = 0; round < 3000; round++) {
		struct chunks chunks;

		fake_init(&fake);
		for (int i = 0; i < 100; i++) {
			uint64_t block = fake_block(&fake, (size_t)(rand() % 700));

			for (int k = 0; k < 2; k++)
				*fake_word(&fake, block + 8 * (uint64_t)k) =
					FAKE_HEAP + (uint64_t)(rand() % 8192);
		}
		fake_finish(&fake);
		for (int i = rand() % 4; i > 0; i--)
			fake.heap[(size_t)rand() % fake.n] =
				rand() % 2 ? (uint64_t)rand() : (uint64_t)(rand() % 1024);
		for (int i = 0; i < 10; i++)
			fake.data[FAKE_ARENA + 2 + i] = FAKE_HEAP + 16 * (uint64_t)(rand() % 512);
		walk(&chunks);
		for (size_t i = 1; !chunks.problem[0] && i < chunks.items.n; i++)
			CHECK(chunks.items.items[i - 1].start + chunks.items.items[i - 1].size <=
			      chunks.items.items[i].start);
		chunks_deinit(&chunks);
	}
}

TEST_MAIN(TEST(test_which_are_in_use), TEST(test_lists_of_free_chunks),
	  TEST(test_a_size_that_does_not_add_up), TEST(test_limits), TEST(test_damaged_heaps))
