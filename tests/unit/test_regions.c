/* SPDX-License-Identifier: MIT */
/* Compares recorded mappings with a plain array of pages. */
#include "tables/regions.h"
#include "tables/sampler.h"
#include "tables/stacks.h"
#include "tables/stacks_copy.h"
#include "test.h"
#include <math.h>

enum {
	PAGE = 4096,
	N_PAGES = 200,
	N_STEPS = 3000
};

#define BASE ((uintptr_t)0x7f0000000000)

static hp_handle count(uint64_t id, uint64_t size)
{
	uint64_t frames[2] = {id, 1};

	return hp_stacks_count_alloc(frames, 2, 0, size, 0);
}

/* Returns the counts of the stack of that id. */
static struct hp_counts counts_of(uint64_t id)
{
	struct hp_stacks_copy copy;
	struct hp_counts counts = {0};

	CHECK(hp_stacks_copy(&copy));
	for (size_t i = 0; i < copy.n_entries; i++)
		if (copy.entries[i].frames && copy.entries[i].frames[0] == id)
			counts = copy.entries[i].counts;
	hp_stacks_release(&copy);
	return counts;
}

/* Returns the bytes in use of the stack of that id. */
static uint64_t in_use(uint64_t id)
{
	struct hp_counts counts = counts_of(id);

	return counts.alloc_bytes - counts.free_bytes;
}

static void map(size_t page, size_t n, uint64_t id)
{
	CHECK(hp_regions_add(BASE + page * PAGE, n * PAGE, 1, count(id, n * PAGE)));
}

static uint64_t unmap(size_t page, size_t n)
{
	struct hp_regions_taken gone;
	uint64_t covered = hp_regions_take(BASE + page * PAGE, n * PAGE, &gone);

	CHECK_INT_EQ(gone.weight, (int64_t)covered);
	hp_regions_settle(&gone, true);
	return covered / PAGE;
}

static void begin(void)
{
	hp_regions_reset();
	hp_regions_start(1, 0, 1);
	hp_stacks_reset();
}

static void test_whole(void)
{
	begin();
	CHECK(hp_regions_is_empty());
	map(10, 5, 1);
	CHECK(!hp_regions_is_empty());
	CHECK_UINT_EQ(in_use(1), 5 * PAGE);
	CHECK_UINT_EQ(unmap(10, 5), 5);
	CHECK_UINT_EQ(in_use(1), 0);
	CHECK(hp_regions_is_empty());
	CHECK_UINT_EQ(unmap(10, 5), 0);
}

static void test_parts(void)
{
	begin();
	map(10, 10, 1);
	CHECK_UINT_EQ(unmap(5, 7), 2); /* the beginning */
	CHECK_UINT_EQ(in_use(1), 8 * PAGE);
	CHECK_UINT_EQ(unmap(18, 7), 2); /* the end */
	CHECK_UINT_EQ(in_use(1), 6 * PAGE);
	CHECK_UINT_EQ(unmap(14, 2), 2); /* the middle */
	CHECK_UINT_EQ(in_use(1), 4 * PAGE);
	CHECK_UINT_EQ(unmap(0, 100), 4);
	CHECK_UINT_EQ(in_use(1), 0);
	CHECK(hp_regions_is_empty());
}

static void test_over_several(void)
{
	begin();
	map(10, 5, 1);
	map(15, 5, 2);
	map(25, 5, 3);
	CHECK_UINT_EQ(unmap(12, 15), 3 + 5 + 2);
	CHECK_UINT_EQ(in_use(1), 2 * PAGE);
	CHECK_UINT_EQ(in_use(2), 0);
	CHECK_UINT_EQ(in_use(3), 3 * PAGE);
}

static struct hp_regions_taken taken;

static uint64_t take(size_t page, size_t n)
{
	return hp_regions_take(BASE + page * PAGE, n * PAGE, &taken) / PAGE;
}

static void test_taken_and_gone(void)
{
	begin();
	map(10, 10, 1);
	map(20, 5, 2);
	CHECK_UINT_EQ(take(15, 10), 10);
	CHECK_UINT_EQ(in_use(2), 5 * PAGE); /* not freed yet */
	/* Another thread maps the addresses as soon as they are free. */
	map(16, 3, 3);
	hp_regions_settle(&taken, true);
	CHECK_UINT_EQ(in_use(1), 5 * PAGE);
	CHECK_UINT_EQ(in_use(2), 0);
	CHECK_UINT_EQ(in_use(3), 3 * PAGE);
	CHECK_UINT_EQ(unmap(0, 100), 8);
}

static void test_taken_and_put_back(void)
{
	struct hp_stacks_copy copy;

	begin();
	map(10, 10, 1);
	CHECK_UINT_EQ(take(10, 10), 10);
	CHECK(hp_regions_is_empty());
	hp_regions_settle(&taken, false);
	CHECK_UINT_EQ(in_use(1), 10 * PAGE);
	CHECK(hp_stacks_copy(&copy));
	CHECK_UINT_EQ(copy.entries[0].counts.alloc_objects, 1); /* as if nothing had happened */
	CHECK_UINT_EQ(copy.entries[0].counts.free_objects, 0);
	hp_stacks_release(&copy);
	map(20, 5, 2);
	CHECK_UINT_EQ(take(15, 7), 7);
	hp_regions_settle(&taken, false);
	CHECK_UINT_EQ(in_use(1), 10 * PAGE);
	CHECK_UINT_EQ(in_use(2), 5 * PAGE);
	CHECK_UINT_EQ(unmap(12, 10), 10);
	CHECK_UINT_EQ(in_use(1), 2 * PAGE);
	CHECK_UINT_EQ(in_use(2), 3 * PAGE);
}

static void test_more_than_can_be_taken(void)
{
	begin();
	for (size_t i = 0; i < HP_REGIONS_TAKEN_MAX + 3; i++)
		map(10 * i, 10, 1 + i);
	CHECK_UINT_EQ(take(0, 10 * (HP_REGIONS_TAKEN_MAX + 3)), 10 * (HP_REGIONS_TAKEN_MAX + 3));
	CHECK_UINT_EQ(taken.n, HP_REGIONS_TAKEN_MAX);
	hp_regions_settle(&taken, true);
	CHECK(hp_regions_is_empty());
	for (size_t i = 0; i < HP_REGIONS_TAKEN_MAX + 3; i++)
		CHECK_UINT_EQ(in_use(1 + i), 0);
}

/* If a new mapping has addresses that are recorded already, its record replaces the old one there,
 * because an unmapping of the old mapping was missed. */
static void test_mapped_over(void)
{
	begin();
	map(10, 10, 1);
	map(12, 3, 2);
	CHECK_UINT_EQ(in_use(1), 7 * PAGE);
	CHECK_UINT_EQ(in_use(2), 3 * PAGE);
}

static uint64_t rng = 7;

static size_t random_below(size_t n)
{
	rng = rng * 6364136223846793005ull + 1442695040888963407ull;
	return (rng >> 33) % n;
}

static void test_random_ranges(void)
{
	static uint64_t owner[N_PAGES];

	begin();
	for (int step = 0; step < N_STEPS; step++) {
		size_t page = random_below(N_PAGES), n = 1 + random_below(N_PAGES - page);
		uint64_t id = random_below(2) ? 1 + random_below(20) : 0, covered = 0;

		for (size_t i = page; i < page + n; i++) {
			covered += owner[i] != 0;
			owner[i] = id;
		}
		if (id)
			map(page, n, id);
		else
			CHECK_UINT_EQ(unmap(page, n), covered);
	}
	for (uint64_t id = 1; id <= 20; id++) {
		uint64_t pages = 0;

		for (size_t i = 0; i < N_PAGES; i++)
			pages += owner[i] == id;
		CHECK_UINT_EQ(in_use(id), pages * PAGE);
	}
	begin();
}

static void check_counts(uint64_t alloc_objects, uint64_t alloc_pages, uint64_t free_objects,
			 uint64_t free_pages)
{
	struct hp_counts c = counts_of(1);

	CHECK_UINT_EQ(c.alloc_objects, alloc_objects);
	CHECK_UINT_EQ(c.alloc_bytes, alloc_pages * PAGE);
	CHECK_UINT_EQ(c.free_objects, free_objects);
	CHECK_UINT_EQ(c.free_bytes, free_pages * PAGE);
}

/* When a mapping is trimmed, its rest is not counted as newly allocated. */
static void test_trimmed(void)
{
	begin();
	map(10, 10, 1);
	unmap(18, 2);
	check_counts(1, 10, 0, 2);
	unmap(10, 3);
	check_counts(1, 10, 0, 5);
	unmap(14, 1); /* splits a mapping into two objects */
	check_counts(2, 10, 0, 6);
	unmap(13, 1);
	check_counts(2, 10, 1, 7);
	take(15, 1);
	check_counts(3, 10, 1, 7); /* splits off the part that may be unmapped */
	hp_regions_settle(&taken, true);
	check_counts(2, 10, 1, 8);
	unmap(0, 100);
	check_counts(2, 10, 2, 10);
}

/* A fork child counts only its own allocations and frees. If it unmaps an inherited mapping, the
 * allocated bytes are reduced, and no bytes are counted as freed. */
static void test_inherited(void)
{
	begin();
	map(10, 10, 1);
	hp_regions_after_fork(1, 2);
	unmap(18, 2);
	check_counts(1, 8, 0, 0);
	unmap(14, 1);
	check_counts(2, 7, 0, 0);
	take(11, 1);
	hp_regions_settle(&taken, true);
	check_counts(3, 6, 0, 0);
	map(30, 5, 1); /* the child's own mapping */
	unmap(30, 2);
	check_counts(4, 11, 0, 2);
	unmap(0, 100);
	check_counts(1, 5, 1, 5);
}

/* Cuts off half of each of 64 recorded mappings. Returns a bit for each mapping: 1 if its other
 * half is still recorded. */
static uint64_t rests_after_fork(uint64_t seed)
{
	uint64_t bits = 0;

	begin();
	hp_regions_start(PAGE, 1, 1);
	hp_regions_after_fork(seed, 1);
	for (size_t i = 0; i < 64; i++) {
		map(i, 1, 1);
		hp_regions_take(BASE + i * PAGE, PAGE / 2, &taken);
		bits |= (uint64_t)(hp_regions_take(BASE + i * PAGE, PAGE, &taken) > 0) << i;
	}
	return bits;
}

static void test_fork_children_draw_their_own_numbers(void)
{
	CHECK(rests_after_fork(2) != rests_after_fork(3));
	begin();
}

/* The rest of a trimmed mapping is recorded with the probability of a mapping of its size, p(s) = 1
 * - exp(-s/R), whichever end the rest is, and however often the mapping was cut. */
static void test_trimmed_and_sampled(void)
{
	enum {
		N = 20000,
		INTERVAL = 16 * PAGE,
		SIZE = 16 /* pages; p = 0.6321, for a half 0.3935, for a quarter 0.2212 */
	};
	static const struct {
		size_t page, n, next_page, next_n;
		double rest;
	} cuts[] = {
		{8, 8, 0, 0, 0.3935},
		{0, 8, 0, 0, 0.3935},
		{8, 8, 0, 4, 0.2212},
		{0, 8, 12, 4, 0.2212},
	};
	struct hp_sampler sampler;

	for (size_t c = 0; c < sizeof(cuts) / sizeof(cuts[0]); c++) {
		uint64_t n_recorded = 0, n_left;

		begin();
		hp_regions_start(INTERVAL, 11 + c, 1);
		hp_sampler_init(&sampler, INTERVAL, 5);
		for (size_t i = 0; i < N; i++) {
			uintptr_t start = BASE + i * SIZE * PAGE;
			uint64_t gap = hp_sampler_next_gap(&sampler);

			if (gap > SIZE * PAGE)
				continue;
			n_recorded++;
			CHECK(hp_regions_add(start, SIZE * PAGE, gap, count(1, SIZE * PAGE)));
			hp_regions_take(start + cuts[c].page * PAGE, cuts[c].n * PAGE, &taken);
			hp_regions_settle(&taken, true);
			hp_regions_take(start + cuts[c].next_page * PAGE, cuts[c].next_n * PAGE,
					&taken);
			hp_regions_settle(&taken, true);
		}
		n_left = counts_of(1).alloc_objects - counts_of(1).free_objects;
		CHECK_UINT_EQ(counts_of(1).alloc_objects, n_recorded);
		CHECK_UINT_EQ(in_use(1), n_left * (SIZE - cuts[c].n - cuts[c].next_n) * PAGE);
		/* five standard deviations are at most 350 */
		if (n_left < N * cuts[c].rest - 350 || n_left > N * cuts[c].rest + 350)
			TEST_FAIL("%lu left of cut %zu", (unsigned long)n_left, c);
	}
	begin();
}

/* --- mappings that move -------------------------------------------------------------------- */

static void move(size_t page, size_t n, size_t to)
{
	int64_t weight;
	uintptr_t aside = hp_regions_put_aside(BASE + page * PAGE, n * PAGE, &weight);

	CHECK(aside);
	CHECK_INT_EQ(weight, 0);
	hp_regions_bring_back(aside, n * PAGE, BASE + to * PAGE);
}

static void test_moved(void)
{
	begin();
	map(10, 10, 1);
	map(20, 5, 2);
	move(10, 15, 100);
	check_counts(1, 10, 0, 0); /* the move counts neither as a free nor as an allocation */
	CHECK_UINT_EQ(unmap(10, 15), 0);
	CHECK_UINT_EQ(unmap(108, 4), 4);
	CHECK_UINT_EQ(in_use(1), 8 * PAGE);
	CHECK_UINT_EQ(in_use(2), 3 * PAGE);
	move(100, 15, 104); /* the new addresses overlap the old ones */
	CHECK_UINT_EQ(unmap(104, 8), 8);
	CHECK_UINT_EQ(unmap(0, 200), 3);
	CHECK(hp_regions_is_empty());
}

static void test_moved_in_part(void)
{
	begin();
	map(10, 10, 1);
	move(13, 4, 50); /* a part from the middle */
	check_counts(3, 10, 0, 0);
	CHECK_UINT_EQ(unmap(10, 10), 6);
	CHECK_UINT_EQ(in_use(1), 4 * PAGE);
	CHECK_UINT_EQ(unmap(50, 4), 4);
	CHECK_UINT_EQ(in_use(1), 0);
}

/* While a mapping moves, another thread maps its old addresses, and moves that mapping as well. */
static void test_addresses_that_are_taken_while_it_moves(void)
{
	uintptr_t first, second;
	int64_t weight;

	begin();
	map(10, 5, 1);
	first = hp_regions_put_aside(BASE + 10 * PAGE, 5 * PAGE, &weight);
	map(10, 5, 2);
	second = hp_regions_put_aside(BASE + 10 * PAGE, 5 * PAGE, &weight);
	map(10, 5, 3);
	CHECK_UINT_EQ(in_use(1) + in_use(2) + in_use(3), 15 * PAGE);
	hp_regions_bring_back(first, 5 * PAGE, BASE + 50 * PAGE);
	hp_regions_bring_back(second, 5 * PAGE, BASE + 60 * PAGE);
	CHECK_UINT_EQ(unmap(50, 5), 5);
	CHECK_UINT_EQ(in_use(1), 0);
	CHECK_UINT_EQ(unmap(60, 5), 5);
	CHECK_UINT_EQ(in_use(2), 0);
	CHECK_UINT_EQ(unmap(10, 5), 5);
	CHECK(hp_regions_is_empty());
}

static void test_random_moves(void)
{
	static uint64_t owner[2 * N_PAGES];

	begin();
	for (int step = 0; step < N_STEPS; step++) {
		size_t page = random_below(N_PAGES), n = 1 + random_below(N_PAGES - page);
		size_t to = N_PAGES + random_below(N_PAGES - n + 1);
		uint64_t id = 1 + random_below(20);

		for (size_t i = 0; i < n; i++) {
			owner[to + i] = owner[page + i];
			owner[page + i] = id;
		}
		move(page, n, to);
		map(page, n, id);
	}
	for (uint64_t id = 1; id <= 20; id++) {
		uint64_t pages = 0;

		for (size_t i = 0; i < 2 * N_PAGES; i++)
			pages += owner[i] == id;
		CHECK_UINT_EQ(in_use(id), pages * PAGE);
	}
	begin();
}

/* When half of a mapping moves away, each half is recorded as often as a mapping of its size. A
 * mapping that moves as a whole is recorded as often as before. */
static void test_moved_and_sampled(void)
{
	enum {
		N = 20000,
		INTERVAL = 16 * PAGE,
		SIZE = 16 /* pages; p = 0.6321, for a half 0.3935 */
	};
	static const struct {
		size_t page, n;
		double moved, left;
	} moves[] = {
		{0, 16, 0.6321, 0},
		{0, 8, 0.3935, 0.3935},
		{8, 8, 0.3935, 0.3935},
		{4, 8, 0.3935, 0.3935}, /* two quarters stay: each 0.2212, at least one 0.3935 */
	};
	struct hp_sampler sampler;

	for (size_t m = 0; m < sizeof(moves) / sizeof(moves[0]); m++) {
		uint64_t n_moved = 0, n_left = 0;
		int64_t weight;

		begin();
		hp_regions_start(INTERVAL, 3 + m, 1);
		hp_sampler_init(&sampler, INTERVAL, 7);
		for (size_t i = 0; i < N; i++) {
			uint64_t gap = hp_sampler_next_gap(&sampler);

			if (gap > SIZE * PAGE)
				continue;
			CHECK(hp_regions_add(BASE, SIZE * PAGE, gap, count(1, SIZE * PAGE)));
			uintptr_t aside = hp_regions_put_aside(BASE + moves[m].page * PAGE,
							       moves[m].n * PAGE, &weight);

			hp_regions_bring_back(aside, moves[m].n * PAGE, BASE + 100 * PAGE);
			n_left += hp_regions_take(BASE, SIZE * PAGE, &taken) > 0;
			hp_regions_settle(&taken, true);
			/* the mark of the moved part is at the same offset as before */
			n_moved += hp_regions_take(BASE + 100 * PAGE, SIZE * PAGE, &taken) > 0;
			hp_regions_settle(&taken, true);
			CHECK(hp_regions_is_empty());
		}
		CHECK_UINT_EQ(in_use(1), 0);
		if (fabs(n_moved - N * moves[m].moved) > 350)
			TEST_FAIL("%lu moved of case %zu", (unsigned long)n_moved, m);
		if (fabs(n_left - N * moves[m].left) > 350)
			TEST_FAIL("%lu left of case %zu", (unsigned long)n_left, m);
	}
	begin();
}

static void grow(size_t page, size_t n, uint64_t id)
{
	CHECK(hp_regions_add_growth(BASE + page * PAGE, n * PAGE, 1, count(id, n * PAGE)));
}

/* The steps by which a mapping grows count as one object, which can be cut anywhere. */
static void test_growth(void)
{
	begin();
	map(10, 5, 2);
	for (size_t page = 15; page < 35; page += 5)
		grow(page, 5, 1);
	check_counts(1, 20, 0, 0);
	CHECK_UINT_EQ(in_use(2), 5 * PAGE);
	unmap(24, 1);
	check_counts(2, 20, 0, 1);
	grow(35, 1, 3); /* by another caller */
	grow(36, 1, 1);
	check_counts(3, 21, 0, 1);
	map(37, 1, 1); /* adjacent, but another mapping */
	check_counts(4, 22, 0, 1);
	CHECK_UINT_EQ(unmap(0, 100), 5 + 19 + 3);
	CHECK(hp_regions_is_empty());
}

/* If mappings are sampled, each step is an object of its own, because readers scale a record by the
 * size of its objects. */
static void test_growth_sampled(void)
{
	begin();
	hp_regions_start(PAGE, 1, 1);
	grow(10, 5, 1);
	grow(15, 5, 1);
	CHECK_UINT_EQ(counts_of(1).alloc_objects, 2);
	begin();
}

TEST_MAIN(TEST(test_moved), TEST(test_moved_in_part),
	  TEST(test_addresses_that_are_taken_while_it_moves), TEST(test_random_moves),
	  TEST(test_moved_and_sampled), TEST(test_growth), TEST(test_growth_sampled),
	  TEST(test_inherited), TEST(test_fork_children_draw_their_own_numbers), TEST(test_trimmed),
	  TEST(test_trimmed_and_sampled), TEST(test_whole), TEST(test_parts),
	  TEST(test_over_several), TEST(test_mapped_over), TEST(test_random_ranges),
	  TEST(test_taken_and_gone), TEST(test_taken_and_put_back),
	  TEST(test_more_than_can_be_taken))
