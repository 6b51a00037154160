/* SPDX-License-Identifier: MIT */
#include "base/arena.h"
#include "base/memory.h"
#include "test.h"
#include <sys/mman.h>

#define NO_LIMIT ((size_t)256 << 20)

static struct hp_arena arena;

static bool is_zeroed(const char *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (p[i] != 0)
			return false;
	return true;
}

static void test_pieces_are_zeroed_aligned_and_apart(void)
{
	enum {
		N = 2000
	};
	static hp_handle pieces[N];

	for (size_t i = 0; i < N; i++) {
		pieces[i] = hp_arena_alloc(&arena, 1 + i % 3000);
		char *p = hp_arena_at(&arena, pieces[i]);

		CHECK(pieces[i] != 0);
		CHECK_UINT_EQ((uintptr_t)p % HP_ARENA_GRAIN, 0);
		CHECK(is_zeroed(p, 1 + i % 3000));
		memset(p, (int)(i % 255 + 1), 1 + i % 3000);
	}
	for (size_t i = 0; i < N; i++) {
		const unsigned char *p = hp_arena_at(&arena, pieces[i]);

		CHECK_UINT_EQ(p[0], i % 255 + 1);
		CHECK_UINT_EQ(p[i % 3000], i % 255 + 1);
	}
	hp_arena_reset(&arena);
}

static void test_freed_piece_comes_again_zeroed(void)
{
	hp_handle a = hp_arena_alloc(&arena, 100);

	memset(hp_arena_at(&arena, a), 0xff, 100);
	hp_arena_free(&arena, a, 100);
	CHECK_UINT_EQ(hp_arena_alloc(&arena, 112), a); /* 112 bytes take as many grains as 100 */
	CHECK(is_zeroed(hp_arena_at(&arena, a), 112));
	CHECK(hp_arena_alloc(&arena, 112) != a);
	hp_arena_reset(&arena);
}

static void test_free_pieces_are_split_and_joined(void)
{
	enum {
		N = 40000
	};
	static hp_handle pieces[N];
	size_t n = 0;

	hp_memory_set_limit(hp_memory_mapped() + HP_ARENA_FIRST + HP_ARENA_CHUNK);
	while (n < N && (pieces[n] = hp_arena_alloc(&arena, 32)) != 0)
		n++;
	CHECK(n > 10000 && n < N);
	for (size_t i = 0; i < n; i++)
		if (i % 100 != 7) /* leaves runs of 99 pieces */
			hp_arena_free(&arena, pieces[i], 32);
	CHECK_UINT_EQ(hp_arena_alloc(&arena, 99 * 32), 0);
	hp_arena_join_free(&arena);
	for (size_t i = 0; i < n / 100; i++) {
		hp_handle piece = hp_arena_alloc(&arena, 99 * 32);

		CHECK(piece != 0);
		CHECK(is_zeroed(hp_arena_at(&arena, piece), 99 * 32));
		memset(hp_arena_at(&arena, piece), 0xff, 99 * 32);
		hp_arena_free(&arena, piece, 99 * 32);
		CHECK(hp_arena_alloc(&arena, 48) != 0);
	}
	for (size_t i = 7; i < n; i += 100)
		CHECK(is_zeroed(hp_arena_at(&arena, pieces[i]), 32));
	hp_arena_reset(&arena);
	hp_memory_set_limit(NO_LIMIT);
}

static void test_sizes_at_the_ends(void)
{
	CHECK_UINT_EQ(hp_arena_alloc(&arena, 0), 0);
	CHECK_UINT_EQ(hp_arena_alloc(&arena, HP_ARENA_PIECE_MAX + 1), 0);
	CHECK_UINT_EQ(hp_arena_alloc(&arena, SIZE_MAX), 0);
	hp_handle largest = hp_arena_alloc(&arena, HP_ARENA_PIECE_MAX);

	CHECK(largest != 0);
	hp_arena_free(&arena, largest, HP_ARENA_PIECE_MAX);
	CHECK_UINT_EQ(hp_arena_alloc(&arena, HP_ARENA_PIECE_MAX), largest);
	hp_arena_reset(&arena);
}

static void test_limit_counts_all_memory(void)
{
	size_t before = hp_memory_mapped(), n = 0;
	void *map;

	hp_memory_set_limit(before + HP_ARENA_FIRST + 3 * HP_ARENA_CHUNK);
	map = hp_memory_map(HP_ARENA_CHUNK);
	CHECK(map != NULL);
	CHECK_UINT_EQ(hp_memory_mapped(), before + HP_ARENA_CHUNK);
	while (hp_arena_alloc(&arena, 1024) != 0)
		n++;
	CHECK_INT_LE(n, 2 * 1024 + 64);
	CHECK_INT_LE(2 * (1024 - 16) + 64 - 16, n); /* a chunk has some bookkeeping */
	CHECK_PTR_EQ(hp_memory_map(1), NULL);
	hp_memory_unmap(map, HP_ARENA_CHUNK);
	CHECK(hp_arena_alloc(&arena, 1024) != 0);
	hp_arena_reset(&arena);
	CHECK_UINT_EQ(hp_memory_mapped(), before);
	hp_memory_set_limit(NO_LIMIT);
}

static void test_impossible_size_is_refused(void)
{
	size_t before = hp_memory_mapped();

	hp_memory_set_limit(SIZE_MAX);
	CHECK_PTR_EQ(hp_memory_map((size_t)1 << 60), NULL);
	CHECK_UINT_EQ(hp_memory_mapped(), before);
	hp_memory_unmap(NULL, 4096);
	CHECK_UINT_EQ(hp_memory_mapped(), before);
	hp_memory_set_limit(NO_LIMIT);
}

/* A large mapping is unmapped in steps. The memory next to it stays mapped. */
static void test_large_mapping_is_unmapped_and_no_more(void)
{
	enum {
		PAGE = 4096,
		LARGE = 300 * PAGE + 5
	};
	unsigned char resident;
	char *p = hp_sys_mmap(400 * PAGE, PROT_READ | PROT_WRITE);

	CHECK(p != NULL);
	memset(p, 1, 400 * PAGE);
	hp_memory_unmap(p + 50 * PAGE, LARGE);
	CHECK(mincore(p + 50 * PAGE, PAGE, &resident) != 0);
	CHECK(mincore(p + 350 * PAGE, PAGE, &resident) != 0);
	for (int i = 0; i < 400 * PAGE; i++)
		if (i < 50 * PAGE || i >= 351 * PAGE)
			CHECK(p[i] == 1);
	hp_sys_munmap(p, 400 * PAGE);
}

TEST_MAIN(TEST(test_pieces_are_zeroed_aligned_and_apart), TEST(test_freed_piece_comes_again_zeroed),
	  TEST(test_free_pieces_are_split_and_joined), TEST(test_sizes_at_the_ends),
	  TEST(test_limit_counts_all_memory), TEST(test_impossible_size_is_refused),
	  TEST(test_large_mapping_is_unmapped_and_no_more))
