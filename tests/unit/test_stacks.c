/* SPDX-License-Identifier: MIT */
/* Stacks and their counts: no count is lost when stacks are folded or the process forks. */
#include "base/memory.h"
#include "tables/stacks.h"
#include "tables/stacks_copy.h"
#include "tables/stacks_table.h"
#include "test.h"
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#define NO_LIMIT ((size_t)256 << 20)

static void make_frames(uint64_t *frames, size_t n, uint64_t id)
{
	for (size_t i = 0; i < n; i++)
		frames[i] = id * 1000 + i;
}

static hp_handle count(uint64_t id, size_t n_frames, uint32_t size_class, uint64_t size)
{
	uint64_t frames[64];

	make_frames(frames, n_frames, id);
	return hp_stacks_count_alloc(frames, n_frames, size_class, size, 0);
}

static struct hp_counts sum_of(const struct hp_stacks_copy *copy)
{
	struct hp_counts sum = {0};

	for (size_t i = 0; i < copy->n_entries; i++) {
		const struct hp_counts *c = &copy->entries[i].counts;

		CHECK(c->alloc_objects >= c->free_objects && c->alloc_bytes >= c->free_bytes);
		sum.alloc_objects += c->alloc_objects;
		sum.alloc_bytes += c->alloc_bytes;
		sum.free_objects += c->free_objects;
		sum.free_bytes += c->free_bytes;
	}
	return sum;
}

static struct hp_counts sum_of_all(void)
{
	struct hp_stacks_copy copy;
	struct hp_counts sum = {0};

	CHECK(hp_stacks_copy(&copy));
	CHECK_UINT_EQ(copy.n_missing, 0);
	sum = sum_of(&copy);
	hp_stacks_release(&copy);
	return sum;
}

/* Returns the counts of a stack, summed over its records. Sets *out_n to the number of records. */
static struct hp_counts find(uint64_t id, size_t n_frames, size_t *out_n)
{
	uint64_t frames[64];
	struct hp_stacks_copy copy;
	struct hp_counts sum = {0};

	make_frames(frames, n_frames, id);
	*out_n = 0;
	CHECK(hp_stacks_copy(&copy));
	for (size_t i = 0; i < copy.n_entries; i++) {
		const struct hp_stacks_copy_entry *e = &copy.entries[i];

		if (!e->frames || e->n_frames != n_frames ||
		    memcmp(e->frames, frames, n_frames * sizeof(frames[0])) != 0)
			continue;
		sum.alloc_objects += e->counts.alloc_objects;
		sum.alloc_bytes += e->counts.alloc_bytes;
		sum.free_objects += e->counts.free_objects;
		sum.free_bytes += e->counts.free_bytes;
		++*out_n;
	}
	hp_stacks_release(&copy);
	return sum;
}

static void test_one_stack_one_record(void)
{
	size_t n;
	hp_handle a, b;

	hp_stacks_reset();
	a = count(1, 5, 0, 100);
	b = count(1, 5, 0, 50);
	CHECK(a != 0);
	CHECK_UINT_EQ(a, b);
	hp_stacks_count_free(a, 100);
	struct hp_counts c = find(1, 5, &n);

	CHECK_UINT_EQ(n, 1);
	CHECK_UINT_EQ(c.alloc_objects, 2);
	CHECK_UINT_EQ(c.alloc_bytes, 150);
	CHECK_UINT_EQ(c.free_objects, 1);
	CHECK_UINT_EQ(c.free_bytes, 100);
}

static void test_a_record_for_each_level(void)
{
	hp_handle low, high;

	hp_stacks_reset();
	low = count(1, 5, hp_stacks_key(3, 0), 100);
	high = count(1, 5, hp_stacks_key(3, HP_LEVEL_MAX), 100);
	CHECK(low != high);
	CHECK_UINT_EQ(hp_stacks_level(low), 0);
	CHECK_UINT_EQ(hp_stacks_level(high), HP_LEVEL_MAX);
	CHECK_UINT_EQ(count(1, 5, hp_stacks_key(3, HP_LEVEL_MAX), 100), high);
}

/* A stack is new at its first allocation, whatever that one's size and level. */
static void test_new_stacks(void)
{
	hp_stacks_reset();
	CHECK(hp_stacks_is_new(count(1, 5, hp_stacks_key(3, 2), 100)));
	CHECK(!hp_stacks_is_new(count(1, 5, hp_stacks_key(3, 2), 100)));
	CHECK(!hp_stacks_is_new(count(1, 5, hp_stacks_key(3, 7), 100)));
	CHECK(!hp_stacks_is_new(count(1, 5, hp_stacks_key(4, 2), 110)));
	CHECK(hp_stacks_is_new(count(1, 4, hp_stacks_key(3, 2), 100)));
	CHECK(hp_stacks_is_new(count(2, 5, hp_stacks_key(3, 2), 100)));
}

static void test_a_record_for_each_size_class(void)
{
	size_t n;

	hp_stacks_reset();
	CHECK(count(1, 5, 3, 100) != count(1, 5, 4, 110));
	CHECK(count(1, 5, 3, 100) != count(1, 4, 3, 100)); /* another stack */
	struct hp_counts c = find(1, 5, &n);

	CHECK_UINT_EQ(n, 2);
	CHECK_UINT_EQ(c.alloc_objects, 3);
	find(1, 4, &n);
	CHECK_UINT_EQ(n, 1);
}

/* Every record of a stack is found again, also after the table of records has grown. */
static void test_many_records_of_one_stack(void)
{
	enum {
		N = 5000
	};
	static hp_handle records[N];
	size_t n;

	hp_stacks_reset();
	for (uint32_t i = 0; i < N; i++)
		records[i] = count(1, 5, i, i);
	for (uint32_t i = 0; i < N; i++)
		CHECK_UINT_EQ(count(1, 5, i, i), records[i]);
	struct hp_counts c = find(1, 5, &n);

	CHECK_UINT_EQ(n, N);
	CHECK_UINT_EQ(c.alloc_objects, 2 * N);
}

static void test_many_stacks(void)
{
	enum {
		N = 30000
	};
	struct hp_stacks_copy copy;

	hp_stacks_reset();
	for (uint64_t i = 0; i < N; i++)
		CHECK(count(i, 1 + i % 40, i % 3, i) != 0);
	CHECK(hp_stacks_copy(&copy));
	CHECK_UINT_EQ(copy.n_entries, N);
	CHECK_UINT_EQ(copy.n_stacks, N);
	CHECK_UINT_EQ(sum_of(&copy).alloc_bytes, (uint64_t)N * (N - 1) / 2);
	hp_stacks_release(&copy);
}

static void test_reset_gives_all_memory_back(void)
{
	hp_stacks_reset();
	size_t before = hp_memory_mapped();

	for (uint64_t i = 0; i < 10000; i++)
		count(i, 10, 0, 1);
	CHECK(hp_memory_mapped() > before);
	hp_stacks_reset();
	CHECK_UINT_EQ(hp_memory_mapped(), before);
	CHECK_UINT_EQ(sum_of_all().alloc_objects, 0);
}

/* --- the memory limit --------------------------------------------------------------------------
 */

static void set_small_limit(void)
{
	hp_stacks_reset();
	hp_memory_set_limit(hp_memory_mapped() + (4 << 20));
}

/* Counts and frees blocks of `n` stacks, which may be many more than there is room for. Returns how
 * many blocks were counted. */
static uint64_t churn(uint64_t first_id, uint64_t n, size_t n_frames)
{
	uint64_t n_counted = 0;

	for (uint64_t i = 0; i < n; i++) {
		hp_handle h = count(first_id + i, n_frames, 0, 10);

		if (h) {
			hp_stacks_count_free(h, 10);
			n_counted++;
		}
	}
	return n_counted;
}

static void test_folding_makes_room(void)
{
	set_small_limit();
	uint64_t n = churn(1000, 200000, 20);

	CHECK_UINT_EQ(n, 200000);
	CHECK(count(1, 20, 0, 777) != 0);
	hp_memory_set_limit(NO_LIMIT); /* so that there is room for the copy */
	struct hp_counts sum = sum_of_all();
	size_t n_records;

	CHECK_UINT_EQ(sum.alloc_objects, n + 1);
	CHECK_UINT_EQ(sum.alloc_bytes, n * 10 + 777);
	CHECK_UINT_EQ(sum.free_objects, n);
	CHECK_UINT_EQ(sum.free_bytes, n * 10);
	CHECK_UINT_EQ(find(1, 20, &n_records).alloc_bytes, 777);
	hp_stacks_reset();
}

/* Counts that are folded keep their level, because a dump leaves out low levels. */
static void test_folding_keeps_levels(void)
{
	enum {
		N = 200000
	};
	uint64_t n_of[HP_N_LEVELS] = {0}, n_folded = 0;
	struct hp_stacks_copy copy;

	set_small_limit();
	for (uint64_t i = 0; i < N; i++) {
		hp_handle h = count(i, 20, hp_stacks_key(7, i % HP_N_LEVELS), 10);

		CHECK(h != 0);
		CHECK_UINT_EQ(hp_stacks_level(h), i % HP_N_LEVELS);
		hp_stacks_count_free(h, 10);
	}
	hp_memory_set_limit(NO_LIMIT);
	CHECK(hp_stacks_copy(&copy));
	for (size_t i = 0; i < copy.n_entries; i++) {
		const struct hp_stacks_copy_entry *e = &copy.entries[i];

		n_of[hp_stacks_key_level(e->key)] += e->counts.alloc_objects;
		n_folded += e->frames ? 0 : e->counts.alloc_objects;
	}
	hp_stacks_release(&copy);
	CHECK(n_folded > N / 2);
	for (uint32_t level = 0; level < HP_N_LEVELS; level++)
		CHECK_UINT_EQ(n_of[level], N / HP_N_LEVELS);
	hp_stacks_after_fork();
	CHECK_UINT_EQ(sum_of_all().alloc_objects, 0);
	hp_stacks_reset();
}

/* When stacks of one depth have used up the memory, there is still room for stacks of other depths.
 */
static void test_folding_makes_room_for_other_depths(void)
{
	static const size_t depths[] = {5, 19, 23, 40, 60};

	set_small_limit();
	churn(1000, 100000, 20);
	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		uint64_t n = 0;

		for (uint64_t id = 0; id < 100; id++)
			n += count(id, depths[i], 0, 1) != 0;
		CHECK_UINT_EQ(n, 100);
	}
	hp_memory_set_limit(NO_LIMIT);
	hp_stacks_reset();
}

/* Folding also makes room for a new size class of a known stack, which needs only a record. */
static void test_folding_makes_room_for_records(void)
{
	enum {
		N_MAX = 100000
	};
	static hp_handle full[N_MAX];
	size_t n_full = 0;
	uint64_t n = 0;

	set_small_limit();
	count(1, 60, 0, 1); /* stays in use */
	while (n_full < N_MAX && (full[n_full] = count(1000 + n_full, 2, 0, 10)))
		n_full++;
	CHECK(n_full < N_MAX);
	for (size_t i = 0; i < n_full; i++)
		hp_stacks_count_free(full[i], 10);
	for (uint32_t class = 1; class <= 1000; class ++)
		n += count(1, 60, class, 1) != 0;
	CHECK_UINT_EQ(n, 1000);
	hp_memory_set_limit(NO_LIMIT);
	hp_stacks_reset();
}

static void test_what_is_in_use_is_never_folded(void)
{
	enum {
		N_KEPT = 2000
	};
	static hp_handle kept[N_KEPT];
	size_t n_records;

	set_small_limit();
	for (uint64_t i = 0; i < N_KEPT; i++)
		kept[i] = count(i, 20, 0, 100 + i);
	churn(1000000, 100000, 20);
	for (uint64_t i = 0; i < N_KEPT; i++)
		CHECK_UINT_EQ(count(i, 20, 0, 1), kept[i]);
	hp_memory_set_limit(NO_LIMIT);
	for (uint64_t i = 0; i < N_KEPT; i += 97) {
		struct hp_counts c = find(i, 20, &n_records);

		CHECK_UINT_EQ(n_records, 1);
		CHECK_UINT_EQ(c.alloc_bytes - c.free_bytes, 101 + i);
	}
	hp_stacks_reset();
}

/* If stacks in use have filled the memory, new stacks are refused, but known stacks still count. */
static void test_full_of_what_is_in_use(void)
{
	uint64_t n = 0;

	set_small_limit();
	hp_handle known = count(0, 20, 0, 1);

	for (uint64_t i = 1; i < 100000; i++)
		n += count(i, 20, 0, 1) != 0;
	CHECK(n > 1000 && n < 99999);
	CHECK_UINT_EQ(count(0, 20, 0, 1), known);
	hp_memory_set_limit(NO_LIMIT);
	CHECK_UINT_EQ(sum_of_all().alloc_objects, n + 2);
	hp_stacks_reset();
}

/* A copy's frames stay readable until the copy is released, even if memory runs out. */
static void test_nothing_is_folded_under_a_copy(void)
{
	struct hp_stacks_copy copy;
	uint64_t frames[20];

	set_small_limit();
	for (uint64_t i = 0; i < 1000; i++)
		hp_stacks_count_free(count(i, 20, 0, 10), 10);
	CHECK(hp_stacks_copy(&copy));
	churn(1000000, 50000, 20);
	for (size_t i = 0; i < copy.n_entries; i++) {
		make_frames(frames, 20, copy.entries[i].frames[0] / 1000);
		CHECK(copy.entries[i].frames[0] / 1000 < 1000);
		CHECK(memcmp(frames, copy.entries[i].frames, sizeof(frames)) == 0);
	}
	hp_stacks_release(&copy);
	hp_memory_set_limit(NO_LIMIT);
	hp_stacks_reset();
}

/* --- fork --------------------------------------------------------------------------------------
 */

static void test_fork_child_starts_with_what_is_in_use(void)
{
	size_t n;

	hp_stacks_reset();
	hp_handle a = count(1, 5, 0, 100);

	count(1, 5, 0, 30);
	hp_stacks_count_free(a, 100);
	hp_stacks_count_free(count(2, 5, 0, 7), 7);
	hp_stacks_after_fork();
	struct hp_counts c = find(1, 5, &n);

	CHECK_UINT_EQ(c.alloc_objects, 1);
	CHECK_UINT_EQ(c.alloc_bytes, 30);
	CHECK_UINT_EQ(c.free_objects, 0);
	CHECK_UINT_EQ(find(2, 5, &n).alloc_objects, 0);
	hp_stacks_count_free(a, 30);
	count(1, 5, 0, 30);
	c = find(1, 5, &n);
	CHECK_UINT_EQ(c.alloc_objects, 2);
	CHECK_UINT_EQ(c.free_objects, 1);
}

/* What the parent allocated and freed does not count in the child, not even when its stacks are
 * folded there. */
static void test_fork_child_folds_no_history(void)
{
	set_small_limit();
	for (uint64_t i = 0; i < 5000; i++)
		hp_stacks_count_free(count(i, 20, 0, 10), 10);
	hp_stacks_after_fork();
	uint64_t n = churn(1000000, 100000, 20);

	hp_memory_set_limit(NO_LIMIT);
	struct hp_counts sum = sum_of_all();

	CHECK_UINT_EQ(sum.alloc_objects, n);
	CHECK_UINT_EQ(sum.alloc_bytes, n * 10);
	CHECK_UINT_EQ(sum.free_objects, n);
	hp_stacks_reset();
}

/* --- threads ------------------------------------------------------------------------------------
 */

enum {
	N_THREADS = 4,
	N_STEPS = 20000
};

static void *count_and_free(void *argument)
{
	uint64_t self = (uintptr_t)argument;

	for (uint64_t i = 0; i < N_STEPS; i++) {
		hp_handle h = count(i * self % 500, 12, i % 4, 16);

		if (i % 4 != 0)
			hp_stacks_count_free(h, 16);
	}
	return NULL;
}

static void test_threads_lose_nothing(void)
{
	pthread_t threads[N_THREADS];

	hp_stacks_reset();
	for (uintptr_t i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i], NULL, count_and_free, (void *)(i + 1));
	for (int i = 0; i < 20; i++) {
		struct hp_stacks_copy copy;

		CHECK(hp_stacks_copy(&copy));
		sum_of(&copy); /* checks that no count of frees exceeds that of allocations */
		hp_stacks_release(&copy);
	}
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	struct hp_counts sum = sum_of_all();

	CHECK_UINT_EQ(sum.alloc_objects, N_THREADS * N_STEPS);
	CHECK_UINT_EQ(sum.alloc_bytes, N_THREADS * N_STEPS * 16);
	CHECK_UINT_EQ(sum.free_objects, N_THREADS * N_STEPS * 3 / 4);
	hp_stacks_reset();
}

static void test_stripes_are_put_together(void)
{
	uint64_t frames[2][3] = {{1, 2, 3}, {1, 2, 4}};
	struct hp_stacks_copy copy;
	struct hp_counts sum;
	size_t n;

	hp_stacks_reset();
	make_frames(frames[0], 3, 1);
	make_frames(frames[1], 3, 2);
	for (uint32_t stripe = 0; stripe < 2 * HP_STRIPES; stripe++) {
		hp_handle h = hp_stacks_count_alloc(frames[0], 3, 0, 10, stripe);

		hp_stacks_count_alloc(frames[1], 3, 0, 10, stripe);
		hp_stacks_count_alloc(frames[0], 3, 0, 10, stripe);
		if (stripe % 2 == 0)
			hp_stacks_count_free(h, 10);
	}
	CHECK(hp_stacks_copy(&copy));
	CHECK_UINT_EQ(copy.n_entries, 2);
	CHECK_UINT_EQ(copy.n_stacks, 2);
	hp_stacks_release(&copy);
	sum = find(1, 3, &n);
	CHECK_UINT_EQ(n, 1);
	CHECK_UINT_EQ(sum.alloc_objects, 4 * HP_STRIPES);
	CHECK_UINT_EQ(sum.alloc_bytes, 40 * HP_STRIPES);
	CHECK_UINT_EQ(sum.free_objects, HP_STRIPES);
	CHECK_UINT_EQ(sum.free_bytes, 10 * HP_STRIPES);
	hp_stacks_reset();
}

enum {
	N_OLD = 3000,
	N_NEW = 60000
};

static void *count_new_stacks(void *unused)
{
	for (uint64_t i = 0; i < N_NEW; i++)
		count(N_OLD + i, 3, 0, 16);
	return unused;
}

static bool is_each_old_stack_there_once(const struct hp_stacks_copy *copy)
{
	static uint8_t n_seen[N_OLD];
	bool is_once = copy->n_missing == 0;

	memset(n_seen, 0, sizeof(n_seen));
	for (size_t i = 0; i < copy->n_entries; i++)
		if (copy->entries[i].frames[0] / 1000 < N_OLD)
			n_seen[copy->entries[i].frames[0] / 1000]++;
	for (size_t i = 0; i < N_OLD; i++)
		is_once &= n_seen[i] == 1;
	return is_once;
}

static void test_copy_of_tables_that_grow(void)
{
	size_t n = 0;
	pthread_t thread;

	hp_stacks_reset();
	for (uint64_t i = 0; i < N_OLD; i++)
		count(i, 3, 0, 16);
	pthread_create(&thread, NULL, count_new_stacks, NULL);
	while (n < N_OLD + N_NEW) {
		struct hp_stacks_copy copy;

		CHECK(hp_stacks_copy(&copy));
		n = copy.n_missing > 0 ? n : copy.n_entries;
		CHECK(copy.n_missing > 0 || is_each_old_stack_there_once(&copy));
		hp_stacks_release(&copy);
	}
	pthread_join(thread, NULL);
	hp_stacks_reset();
}

/* --- copies while others change the tables --------------------------------------------------- */

static void *lock_all(void *unused)
{
	for (int i = 0; i < N_SHARDS; i++)
		CHECK(hp_lock_acquire(&hp_stacks_table.shards[i].lock));
	return unused;
}

static void lock_by_another_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, lock_all, NULL);
	pthread_join(thread, NULL);
}

static void unlock_all(void)
{
	for (int i = 0; i < N_SHARDS; i++)
		hp_lock_release(&hp_stacks_table.shards[i].lock);
}

/* If a copy needed a lock, a stopped thread could block a dump, and the dump in turn could block
 * others. */
static void test_a_copy_needs_no_lock(void)
{
	hp_stacks_reset();
	for (uint64_t i = 0; i < 1000; i++)
		count(i, 3, 0, 16);
	lock_by_another_thread();
	CHECK_UINT_EQ(sum_of_all().alloc_objects, 1000);
	unlock_all();
}

/* A signal handler makes a copy while the interrupted thread is changing a record. */
static void test_a_copy_of_an_interrupted_record(void)
{
	hp_stacks_reset();
	struct record *r = record_at(count(1, 3, 0, 16));

	count(2, 3, 0, 16);
	r->begun++;
	lock_all(NULL);
	CHECK_UINT_EQ(sum_of_all().alloc_objects, 2);
	unlock_all();
}

/* The thread that was changing the record exists only in the parent. */
static void test_a_record_that_was_being_changed_during_the_fork(void)
{
	size_t n;

	hp_stacks_reset();
	hp_handle h = count(1, 3, 0, 16);

	record_at(h)->begun++;
	hp_stacks_after_fork();
	CHECK_UINT_EQ(find(1, 3, &n).alloc_objects, 1);
	CHECK_UINT_EQ(count(1, 3, 0, 16), h);
	CHECK_UINT_EQ(record_at(h)->begun, record_at(h)->ended);
	CHECK_UINT_EQ(find(1, 3, &n).alloc_objects, 2);
}

static void test_a_shard_that_is_being_folded_is_missing(void)
{
	struct hp_stacks_copy copy;
	uint32_t n_records;

	hp_stacks_reset();
	for (uint64_t i = 0; i < 1000; i++)
		count(i, 3, 0, 16);
	lock_all(NULL);
	hp_stacks_table.shards[5].fold_version++;
	n_records = hp_stacks_table.shards[5].n_records;
	CHECK(hp_stacks_copy(&copy));
	CHECK(n_records > 0);
	CHECK_UINT_EQ(copy.n_missing, n_records);
	CHECK_UINT_EQ(copy.n_entries, 1000 - n_records);
	hp_stacks_release(&copy);
	unlock_all();
	hp_stacks_reset();
}

static sem_t is_half_changed, is_copied;

/* Changes a record, and stops half-way until the copy has been made or is certainly waiting. */
static void *count_slowly(void *record)
{
	struct record *r = record;
	struct hp_lock *lock = &shard_of_stack(r->stack)->lock;
	struct timespec soon;

	CHECK(hp_lock_acquire(lock));
	__atomic_add_fetch(&r->begun, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&r->counts.alloc_objects, 1, __ATOMIC_RELEASE);
	sem_post(&is_half_changed);
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec += 100000000;
	if (soon.tv_nsec >= 1000000000) {
		soon.tv_nsec -= 1000000000;
		soon.tv_sec++;
	}
	sem_timedwait(&is_copied, &soon);
	__atomic_add_fetch(&r->counts.alloc_bytes, 16, __ATOMIC_RELEASE);
	__atomic_add_fetch(&r->ended, 1, __ATOMIC_RELEASE);
	hp_lock_release(lock);
	return NULL;
}

static void test_counts_are_of_one_moment(void)
{
	struct hp_counts c;
	pthread_t thread;
	size_t n;

	hp_stacks_reset();
	sem_init(&is_half_changed, 0, 0);
	sem_init(&is_copied, 0, 0);
	pthread_create(&thread, NULL, count_slowly, record_at(count(1, 3, 0, 16)));
	sem_wait(&is_half_changed);
	c = find(1, 3, &n);
	sem_post(&is_copied);
	pthread_join(thread, NULL);
	CHECK_UINT_EQ(c.alloc_bytes, 16 * c.alloc_objects);
	hp_stacks_reset();
}

TEST_MAIN(TEST(test_one_stack_one_record), TEST(test_a_record_for_each_size_class),
	  TEST(test_a_record_for_each_level), TEST(test_new_stacks),
	  TEST(test_many_records_of_one_stack), TEST(test_many_stacks),
	  TEST(test_reset_gives_all_memory_back), TEST(test_folding_makes_room),
	  TEST(test_folding_keeps_levels), TEST(test_folding_makes_room_for_other_depths),
	  TEST(test_folding_makes_room_for_records), TEST(test_what_is_in_use_is_never_folded),
	  TEST(test_full_of_what_is_in_use), TEST(test_nothing_is_folded_under_a_copy),
	  TEST(test_fork_child_starts_with_what_is_in_use), TEST(test_fork_child_folds_no_history),
	  TEST(test_threads_lose_nothing), TEST(test_stripes_are_put_together),
	  TEST(test_copy_of_tables_that_grow), TEST(test_a_copy_needs_no_lock),
	  TEST(test_a_copy_of_an_interrupted_record),
	  TEST(test_a_record_that_was_being_changed_during_the_fork),
	  TEST(test_a_shard_that_is_being_folded_is_missing), TEST(test_counts_are_of_one_moment))
