/* SPDX-License-Identifier: MIT */
/* Compares the table of live blocks with a plain array, and checks the filter's promise: it never
 * rules out a block that is in the table. */
#include "base/memory.h"
#include "tables/live.h"
#include "test.h"
#include <pthread.h>

enum {
	N_ADDRESSES = 3000,
	N_STEPS = 100000,
	PAGE = 4096
};

/* Addresses this far apart share a byte of the filter. */
#define FILTER_BYTES ((uintptr_t)HP_FILTER_PAGES * PAGE)

static uint64_t rng = 88172645463325252ull;

static uint64_t next_random(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	return rng ^= rng << 17;
}

/* Returns the address of block i. A page has three blocks. The next three are FILTER_BYTES above,
 * on a page with the same byte in the filter. */
static uintptr_t address_of(size_t i)
{
	uintptr_t page = i / 6, at = i % 3, wrap = i / 3 % 2;

	return 0x7f0000000000 + page * PAGE + at * 1360 + wrap * FILTER_BYTES;
}

struct model {
	struct hp_live_entry entries[N_ADDRESSES];
	size_t n;
};

static size_t n_blocks_on_page_of(const struct model *m, size_t i)
{
	size_t n = 0;

	for (size_t j = i / 6 * 6; j < i / 6 * 6 + 6; j++)
		n += m->entries[j].address != 0;
	return n;
}

static void insert_one(struct model *m, size_t i)
{
	struct hp_live_entry entry = {address_of(i), next_random() >> 22, next_random() >> 34, 3};
	struct hp_live_entry replaced = {1, 1, 1, 1};

	CHECK(hp_live_insert(&entry, &replaced));
	CHECK_HEX_EQ(replaced.address, m->entries[i].address);
	if (replaced.address) {
		CHECK_UINT_EQ(replaced.size, m->entries[i].size);
		CHECK_UINT_EQ(replaced.record, m->entries[i].record);
	}
	m->n += !m->entries[i].address;
	m->entries[i] = entry;
}

static void take_one(struct model *m, size_t i)
{
	struct hp_live_entry entry = {0};
	bool is_found = hp_live_take(address_of(i), &entry);

	CHECK_INT_EQ(is_found, m->entries[i].address != 0);
	if (!is_found)
		return;
	CHECK_HEX_EQ(entry.address, address_of(i));
	CHECK_UINT_EQ(entry.size, m->entries[i].size);
	CHECK_UINT_EQ(entry.record, m->entries[i].record);
	CHECK_UINT_EQ(entry.session, 3);
	m->entries[i].address = 0;
	m->n--;
}

static void check_filter(const struct model *m, bool by_page)
{
	for (size_t i = 0; i < N_ADDRESSES; i++) {
		bool may = hp_live_may_hold((void *)address_of(i));

		CHECK_INT_EQ(may, !by_page || n_blocks_on_page_of(m, i) > 0);
	}
}

/* hp_live_may_hold_block() accepts all blocks in the table, and few other addresses on their pages.
 */
static void check_tags(const struct model *m)
{
	size_t n_lonely = 0, n_taken_for_it = 0;

	for (size_t i = 0; i < N_ADDRESSES; i++) {
		uintptr_t other = address_of(i) + 16 + next_random() % 64 * 16;

		if (!m->entries[i].address)
			continue;
		CHECK(hp_live_may_hold_block((void *)address_of(i)));
		if (n_blocks_on_page_of(m, i) > 1 || other / PAGE != address_of(i) / PAGE)
			continue;
		n_lonely++;
		n_taken_for_it += hp_live_may_hold_block((void *)other);
	}
	/* A tag matches by chance once in 253 times. For 100 addresses or more, 5 % can't be
	 * chance; for fewer, nothing is checked. */
	CHECK(n_lonely < 100 || n_taken_for_it * 20 < n_lonely);
}

/* Compares the table with a model. In turn, 20,000 steps mostly insert blocks and 20,000 mostly
 * take them, so that the table grows and gaps are closed. */
static void run_against_model(bool by_page)
{
	static struct model m;

	memset(&m, 0, sizeof(m));
	hp_live_reset(by_page, 1);
	for (int step = 0; step < N_STEPS && test_failures == 0; step++) {
		size_t i = next_random() % N_ADDRESSES;
		unsigned chance_to_insert = step / 20000 % 2 ? 3 : 7;

		if (next_random() % 10 < chance_to_insert)
			insert_one(&m, i);
		else
			take_one(&m, i);
		CHECK_UINT_EQ(hp_live_count(), m.n);
		CHECK_INT_EQ(hp_live_may_hold((void *)address_of(i)),
			     !by_page || n_blocks_on_page_of(&m, i) > 0);
		if (step % 5000 == 0)
			check_filter(&m, by_page);
		if (step % 5000 == 0 && by_page)
			check_tags(&m);
	}
	for (size_t i = 0; i < N_ADDRESSES; i++)
		take_one(&m, i);
	CHECK_UINT_EQ(hp_live_count(), 0);
	check_filter(&m, by_page);
}

static void test_model_of_few_blocks(void)
{
	run_against_model(true);
}

static void test_model_of_all_blocks(void)
{
	run_against_model(false);
}

/* --- sweeps ------------------------------------------------------------------------------------
 */

static bool has_odd_record(const struct hp_live_entry *entry)
{
	return entry->record % 2 == 1;
}

static bool drops_nothing(const struct hp_live_entry *entry)
{
	return false;
}

static void sweep_all(hp_live_drop *drop)
{
	for (uint32_t i = 0; i < HP_LIVE_SHARDS; i++)
		hp_live_sweep(i, drop);
}

/* Removes from the model what has_odd_record() drops from the table. */
static void drop_odd(struct model *m)
{
	for (size_t i = 0; i < N_ADDRESSES; i++)
		if (m->entries[i].address && m->entries[i].record % 2 == 1) {
			m->entries[i].address = 0;
			m->n--;
		}
}

static void check_table(const struct model *m, bool by_page)
{
	struct hp_live_entry entry, replaced;

	CHECK_UINT_EQ(hp_live_count(), m->n);
	check_filter(m, by_page);
	for (size_t i = 0; i < N_ADDRESSES; i++) {
		CHECK_INT_EQ(hp_live_take(address_of(i), &entry), m->entries[i].address != 0);
		if (!m->entries[i].address)
			continue;
		CHECK_UINT_EQ(entry.record, m->entries[i].record);
		CHECK(hp_live_insert(&entry, &replaced));
	}
}

/* A table of all blocks goes over to the filter, which then is what it would be if the table had
 * been one of few blocks from the start; and a later sweep drops what it is to drop. */
static void test_sweep_goes_over_to_the_filter(void)
{
	static struct model m;

	memset(&m, 0, sizeof(m));
	hp_live_reset(false, 1);
	for (int i = 0; i < 2000; i++)
		insert_one(&m, next_random() % N_ADDRESSES);
	check_table(&m, false);
	sweep_all(has_odd_record);
	drop_odd(&m);
	check_table(&m, true);
	check_tags(&m);
	for (int i = 0; i < 1000; i++)
		insert_one(&m, next_random() % N_ADDRESSES);
	check_table(&m, true);
	sweep_all(has_odd_record);
	drop_odd(&m);
	check_table(&m, true);
	sweep_all(drops_nothing);
	check_table(&m, true);
	hp_live_stop();
}

/* Every byte of the filter is in one shard: after all shards were swept, no address at all is let
 * through. */
static void test_sweep_of_an_empty_table(void)
{
	size_t n = 0;

	hp_live_reset(false, 1);
	sweep_all(drops_nothing);
	for (uintptr_t page = 0; page < HP_FILTER_PAGES; page++)
		n += hp_live_may_hold((void *)(page * PAGE));
	CHECK_UINT_EQ(n, 0);
	hp_live_stop();
}

/* Without memory for other slots, a shard stays as it is, and the table is still right. */
static void test_sweep_without_memory(void)
{
	static struct model m;

	memset(&m, 0, sizeof(m));
	hp_live_reset(false, 1);
	for (int i = 0; i < 1000; i++)
		insert_one(&m, next_random() % N_ADDRESSES);
	hp_memory_set_limit(hp_memory_mapped());
	sweep_all(has_odd_record);
	hp_memory_set_limit((size_t)256 << 20);
	drop_odd(&m);
	CHECK_UINT_EQ(hp_live_count(), m.n);
	for (size_t i = 0; i < N_ADDRESSES; i++)
		CHECK(!m.entries[i].address || hp_live_may_hold((void *)m.entries[i].address));
	sweep_all(drops_nothing);
	check_table(&m, true);
	hp_live_stop();
}

static void test_sweep_keeps_the_pinned_range(void)
{
	char *start = (char *)0x7e0000000800;
	struct hp_live_entry entry = {(uintptr_t)start + PAGE, 1, 1, 1}, other;

	hp_live_reset(false, 1);
	hp_live_pin_range(start, 2 * PAGE);
	CHECK(hp_live_insert(&entry, &other));
	sweep_all(drops_nothing);
	CHECK(hp_live_may_hold(start));
	CHECK(hp_live_may_hold(start + 2 * PAGE - 1));
	CHECK(!hp_live_may_hold(start + 3 * PAGE));
	hp_live_pin_range(NULL, 0);
	hp_live_stop();
}

static void test_take_of_nothing(void)
{
	struct hp_live_entry entry = {.size = 7};

	hp_live_reset(false, 1);
	CHECK(!hp_live_take(0, &entry));
	CHECK(!hp_live_take(0x1000, &entry));
	CHECK_UINT_EQ(entry.size, 7);
}

static void test_stop_empties_and_rules_out_all(void)
{
	struct hp_live_entry entry = {0x5000, 1, 1, 1}, other;

	hp_live_reset(false, 1);
	CHECK(hp_live_insert(&entry, &other));
	hp_live_stop();
	CHECK_UINT_EQ(hp_live_count(), 0);
	CHECK(!hp_live_may_hold((void *)0x5000));
	CHECK(!hp_live_take(0x5000, &other));
}

static void check_pinned_range(char *start)
{
	struct hp_live_entry entry = {(uintptr_t)start + PAGE, 1, 1, 1}, other;
	struct hp_live_entry outside = {(uintptr_t)start + 5 * PAGE, 1, 1, 1};

	hp_live_reset(true, 1);
	hp_live_pin_range(start, 2 * PAGE);
	CHECK(hp_live_insert(&entry, &other) && hp_live_insert(&outside, &other));
	CHECK(hp_live_take(entry.address, &other));
	for (int offset = 0; offset < 2 * PAGE; offset += 16)
		CHECK(hp_live_may_hold(start + offset));
	hp_live_reset(true, 1);
	CHECK(hp_live_may_hold(start));
	CHECK(hp_live_may_hold(start + 2 * PAGE - 1));
	CHECK(!hp_live_may_hold(start - PAGE));
	CHECK(!hp_live_may_hold(start + 3 * PAGE));
	CHECK(!hp_live_may_hold((char *)outside.address));
	hp_live_stop();
	CHECK(hp_live_may_hold(start));
	hp_live_pin_range(NULL, 0);
	hp_live_stop();
	CHECK(!hp_live_may_hold(start));
}

static void test_pinned_range_is_never_ruled_out(void)
{
	check_pinned_range((char *)0x7e0000000800);
	check_pinned_range((char *)0x7e00fffff800); /* wraps around to the filter's beginning */
	check_pinned_range((char *)0x7e00ffffd800);
}

/* Under a memory limit the table refuses some entries. It keeps every entry that it accepted. */
static void test_memory_limit(void)
{
	struct hp_live_entry entry, other;
	size_t n_inserted = 0, n_found = 0;

	hp_live_stop();
	hp_memory_set_limit(hp_memory_mapped() + (1 << 20));
	hp_live_reset(false, 1);
	for (uintptr_t a = 16; a < 16 * 100000; a += 16) {
		entry = (struct hp_live_entry){a, a, 1, 1};
		n_inserted += hp_live_insert(&entry, &other);
	}
	CHECK(n_inserted > 10000 && n_inserted < 99999);
	CHECK_UINT_EQ(hp_live_count(), n_inserted);
	for (uintptr_t a = 16; a < 16 * 100000; a += 16)
		n_found += hp_live_take(a, &entry) && entry.size == a;
	CHECK_UINT_EQ(n_found, n_inserted);
	hp_live_stop();
	hp_memory_set_limit((size_t)256 << 20);
}

/* When stacks have used up the memory limit, the table still accepts some blocks, so that a leak
 * which begins then is seen. Of blocks that are close together it may not accept all. */
static void test_some_blocks_beyond_the_limit(void)
{
	struct hp_live_entry entry, other;
	const uintptr_t step = 1024, end = 1001 * step;
	size_t n_inserted = 0;

	hp_live_stop();
	hp_memory_set_limit(hp_memory_mapped());
	hp_live_reset(false, 1);
	for (uintptr_t a = step; a < end; a += step) {
		entry = (struct hp_live_entry){a, a, 1, 1};
		n_inserted += hp_live_insert(&entry, &other);
	}
	CHECK_UINT_EQ(n_inserted, 1000);
	hp_live_stop();
	hp_memory_set_limit((size_t)256 << 20);
}

/* A slot keeps the largest address, size and record that it has bits for. An entry that exceeds one
 * of these is refused. */
static void test_limits_of_a_slot(void)
{
	const uint64_t address = (UINT64_C(1) << 48) - 8, size = (UINT64_C(1) << 42) - 1;
	const hp_handle record = (UINT32_C(1) << 30) - 1;
	struct hp_live_entry entry = {address, size, record, 1000}, other;

	hp_live_reset(false, 1000);
	CHECK(hp_live_insert(&entry, &other));
	CHECK(hp_live_take(address, &other));
	CHECK_HEX_EQ(other.address, address);
	CHECK_HEX_EQ(other.size, size);
	CHECK_HEX_EQ(other.record, record);
	CHECK_UINT_EQ(other.session, 1000);
	entry.address = address + 8;
	CHECK(!hp_live_insert(&entry, &other));
	entry.address = address;
	entry.size = size + 1;
	CHECK(!hp_live_insert(&entry, &other));
	CHECK_UINT_EQ(hp_live_count(), 0);
	hp_live_stop();
}

/* A fork child continues its parent's table, and the child's child may do the same. A slot stores
 * which session an entry is from, up to 255 sessions after the first. */
static void test_sessions_of_entries(void)
{
	const uint32_t first = UINT32_MAX - 100; /* session numbers may wrap around */
	struct hp_live_entry entry, other;

	hp_live_reset(false, first);
	for (uint32_t later = 0; later < 1000; later++) {
		entry = (struct hp_live_entry){0x1000 + later * 16, 1, 1, first + later};
		CHECK(hp_live_insert(&entry, &other));
	}
	for (uint32_t later = 0; later < 1000; later++) {
		CHECK(hp_live_take(0x1000 + later * 16, &other));
		CHECK_UINT_EQ((uint32_t)(other.session - first), later < 255 ? later : 255);
	}
	hp_live_stop();
}

static void test_bytes_per_block(void)
{
	struct hp_live_entry entry, other;
	size_t before = hp_memory_mapped(), n = 500000;

	hp_live_reset(false, 1);
	for (uintptr_t a = 1; a <= n; a++) {
		entry = (struct hp_live_entry){a * 48, 1, 1, 1};
		CHECK(hp_live_insert(&entry, &other));
	}
	CHECK_INT_LE((hp_memory_mapped() - before) / n, 31);
	hp_live_stop();
}

/* --- threads ------------------------------------------------------------------------------------
 */

enum {
	N_THREADS = 4,
	N_ROUNDS = 300
};

/* Threads own different blocks on the same pages. If one thread removes its block, the filter must
 * still accept the others' blocks. */
static void *insert_and_take(void *argument)
{
	size_t self = (size_t)argument, n_bad = 0;
	struct hp_live_entry entry, other;

	for (int round = 0; round < N_ROUNDS; round++) {
		for (uintptr_t page = 1; page <= 64; page++) {
			uintptr_t a = page * PAGE + self * 64;

			entry = (struct hp_live_entry){a, a, self, 1};
			n_bad += !hp_live_insert(&entry, &other) || other.address != 0;
			n_bad += !hp_live_may_hold((void *)a);
		}
		for (uintptr_t page = 1; page <= 64; page++) {
			uintptr_t a = page * PAGE + self * 64;

			n_bad += !hp_live_may_hold((void *)a);
			n_bad += !hp_live_take(a, &entry) || entry.record != self;
		}
	}
	return (void *)n_bad;
}

static void test_threads_on_shared_pages(void)
{
	pthread_t threads[N_THREADS];
	void *n_bad;

	for (int by_page = 0; by_page < 2; by_page++) {
		hp_live_reset(by_page, 1);
		for (size_t i = 0; i < N_THREADS; i++)
			pthread_create(&threads[i], NULL, insert_and_take, (void *)i);
		for (size_t i = 0; i < N_THREADS; i++) {
			pthread_join(threads[i], &n_bad);
			CHECK_UINT_EQ((size_t)n_bad, 0);
		}
		CHECK_UINT_EQ(hp_live_count(), 0);
		for (uintptr_t page = 1; page <= 64; page++)
			CHECK_INT_EQ(hp_live_may_hold((void *)(page * PAGE)), !by_page);
	}
	hp_live_stop();
}

static bool is_done;

static void *sweep_until_done(void *unused)
{
	while (!__atomic_load_n(&is_done, __ATOMIC_ACQUIRE))
		sweep_all(drops_nothing);
	return NULL;
}

/* Shards go over to the filter while threads insert and take: no free is missed. */
static void test_sweeps_under_threads(void)
{
	for (int round = 0; round < 20; round++) {
		pthread_t threads[N_THREADS], sweeper;
		void *n_bad;

		is_done = false;
		hp_live_reset(false, 1);
		for (size_t i = 0; i < N_THREADS; i++)
			pthread_create(&threads[i], NULL, insert_and_take, (void *)i);
		pthread_create(&sweeper, NULL, sweep_until_done, NULL);
		for (size_t i = 0; i < N_THREADS; i++) {
			pthread_join(threads[i], &n_bad);
			CHECK_UINT_EQ((size_t)n_bad, 0);
		}
		__atomic_store_n(&is_done, true, __ATOMIC_RELEASE);
		pthread_join(sweeper, NULL);
		sweep_all(drops_nothing);
		CHECK_UINT_EQ(hp_live_count(), 0);
		for (uintptr_t page = 1; page <= 64; page++)
			CHECK(!hp_live_may_hold((void *)(page * PAGE)));
	}
	hp_live_stop();
}

TEST_MAIN(TEST(test_model_of_few_blocks), TEST(test_model_of_all_blocks),
	  TEST(test_sweep_goes_over_to_the_filter), TEST(test_sweep_of_an_empty_table),
	  TEST(test_sweep_without_memory), TEST(test_sweep_keeps_the_pinned_range),
	  TEST(test_take_of_nothing), TEST(test_stop_empties_and_rules_out_all),
	  TEST(test_pinned_range_is_never_ruled_out), TEST(test_memory_limit),
	  TEST(test_some_blocks_beyond_the_limit), TEST(test_limits_of_a_slot),
	  TEST(test_sessions_of_entries), TEST(test_bytes_per_block),
	  TEST(test_threads_on_shared_pages), TEST(test_sweeps_under_threads))
