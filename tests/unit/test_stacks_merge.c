/* SPDX-License-Identifier: MIT */
/* hp_stacks_merge() works on any entries, so these tests use no table of stacks. */
#include "tables/stacks_copy.h"
#include "test.h"

enum {
	N_MAX = 8
};

/* Frames of equal stacks are at different addresses, as they are in different stripes. */
static const uint64_t abc[] = {1, 2, 3}, other_abc[] = {1, 2, 3}, abd[] = {1, 2, 4};

#define ENTRY(stack, stack_size, stack_hash, n)                                          \
	((struct hp_stacks_copy_entry){.counts = {(n), 10 * (n), 100 * (n), 1000 * (n)}, \
				       .frames = (stack),                                \
				       .n_frames = (stack_size),                         \
				       .hash = (stack_hash)})

static size_t merge(struct hp_stacks_copy_entry *entries, size_t n, size_t n_places)
{
	uint32_t places[64] = {0};
	size_t n_merged = hp_stacks_merge(entries, n, places, n_places);

	for (size_t i = n_places; i < 64; i++)
		CHECK_UINT_EQ(places[i], 0); /* not part of the table */
	return n_merged;
}

/* Checks the counts of an entry that ENTRY() made, or the sum of several such entries. */
static void check_counts(const struct hp_stacks_copy_entry *e, uint64_t n)
{
	CHECK_UINT_EQ(e->counts.alloc_objects, n);
	CHECK_UINT_EQ(e->counts.alloc_bytes, 10 * n);
	CHECK_UINT_EQ(e->counts.free_objects, 100 * n);
	CHECK_UINT_EQ(e->counts.free_bytes, 1000 * n);
}

static void test_nothing(void)
{
	CHECK_UINT_EQ(merge(NULL, 0, 1), 0);
}

static void test_equal_stacks_add_up_and_order_stays(void)
{
	struct hp_stacks_copy_entry entries[] = {
		ENTRY(abd, 3, 9, 1),       ENTRY(abc, 3, 5, 2),  ENTRY(abd, 2, 7, 4),
		ENTRY(other_abc, 3, 5, 8), ENTRY(abd, 3, 9, 16),
	};

	CHECK_UINT_EQ(merge(entries, 5, 11), 3);
	CHECK_PTR_EQ(entries[0].frames, abd);
	CHECK_UINT_EQ(entries[0].n_frames, 3);
	check_counts(&entries[0], 17);
	CHECK_PTR_EQ(entries[1].frames, abc);
	check_counts(&entries[1], 10);
	CHECK_PTR_EQ(entries[2].frames, abd);
	CHECK_UINT_EQ(entries[2].n_frames, 2);
	check_counts(&entries[2], 4);
}

/* Stacks that differ only in their last frame or in their depth stay apart, even if they have the
 * same hash. */
static void test_equal_hashes(void)
{
	struct hp_stacks_copy_entry entries[] = {
		ENTRY(abc, 3, 5, 1), ENTRY(abd, 3, 5, 2),  ENTRY(abc, 2, 5, 4),
		ENTRY(abc, 0, 5, 8), ENTRY(abd, 3, 5, 16),
	};

	CHECK_UINT_EQ(merge(entries, 5, 11), 4);
	check_counts(&entries[0], 1);
	check_counts(&entries[1], 18);
	check_counts(&entries[2], 4);
	check_counts(&entries[3], 8);
}

/* An entry without frames is the sum of stacks that were folded. It is not the empty stack. */
static void test_folded_stacks_stay_apart(void)
{
	struct hp_stacks_copy_entry entries[] = {
		ENTRY(NULL, 0, 0, 1), ENTRY(abc, 0, 0, 2), ENTRY(NULL, 0, 0, 4),
		ENTRY(abd, 0, 0, 8), /* the empty stack again */
	};

	CHECK_UINT_EQ(merge(entries, 4, 9), 3);
	CHECK_PTR_EQ(entries[0].frames, NULL);
	check_counts(&entries[0], 1);
	check_counts(&entries[1], 10);
	CHECK_PTR_EQ(entries[2].frames, NULL);
	check_counts(&entries[2], 4);
}

/* Records of one stack that differ in size class or level stay apart. */
static void test_keys_stay_apart(void)
{
	struct hp_stacks_copy_entry entries[2 * N_MAX];

	for (size_t i = 0; i < 2 * N_MAX; i++) {
		entries[i] = ENTRY(i < N_MAX ? abc : other_abc, 3, 5, 1);
		entries[i].key = hp_stacks_key(i % 2, i / 2 % 4);
	}
	CHECK_UINT_EQ(merge(entries, 2 * N_MAX, 2 * N_MAX + 1), N_MAX);
	for (size_t i = 0; i < N_MAX; i++) {
		CHECK_UINT_EQ(entries[i].key, hp_stacks_key(i % 2, i / 2 % 4));
		check_counts(&entries[i], 2);
	}
}

/* All entries begin at the last place of the smallest table that is allowed, so the search goes on
 * at its first place. */
static void test_smallest_table(void)
{
	struct hp_stacks_copy_entry entries[2 * N_MAX];
	uint64_t stacks[N_MAX];

	for (size_t i = 0; i < N_MAX; i++) {
		stacks[i] = i;
		entries[i] = ENTRY(&stacks[i], 1, 2 * N_MAX, 1);
		entries[2 * N_MAX - 1 - i] = ENTRY(&stacks[i], 1, 2 * N_MAX, i);
	}
	CHECK_UINT_EQ(merge(entries, 2 * N_MAX, 2 * N_MAX + 1), N_MAX);
	for (size_t i = 0; i < N_MAX; i++) {
		CHECK_PTR_EQ(entries[i].frames, &stacks[i]);
		check_counts(&entries[i], i + 1);
	}
}

TEST_MAIN(TEST(test_nothing), TEST(test_equal_stacks_add_up_and_order_stays),
	  TEST(test_equal_hashes), TEST(test_folded_stacks_stay_apart), TEST(test_keys_stay_apart),
	  TEST(test_smallest_table))
