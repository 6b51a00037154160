/* SPDX-License-Identifier: MIT */
/* When the level rises, and that a sweep takes on each shard once. */
#include "process/process.h"
#include "record/level.h"
#include "test.h"
#include <pthread.h>

enum {
	PAGE = 4096
};

static void count(uint32_t level, int n)
{
	for (int i = 0; i < n; i++)
		hp_level_count(level, false /* new stack */);
}

static void count_stacks(uint32_t level, int n)
{
	for (int i = 0; i < n; i++)
		hp_level_count(level, true /* new stack */);
}

static void test_rises_when_enough_were_taken(void)
{
	hp_level_start();
	CHECK_UINT_EQ(hp_level_now(), 0);
	count(0, HP_LEVEL_FIRST_SAMPLES - 1);
	CHECK_UINT_EQ(hp_level_now(), 0);
	count(0, 1);
	CHECK_UINT_EQ(hp_level_now(), 1);
	count(1, HP_LEVEL_SAMPLES - 1);
	CHECK_UINT_EQ(hp_level_now(), 1);
	count(1, 1);
	CHECK_UINT_EQ(hp_level_now(), 2);
	hp_level_start();
	CHECK_UINT_EQ(hp_level_now(), 0);
	count(0, 1);
	CHECK_UINT_EQ(hp_level_now(), 0);
}

/* Only samples of the present level and higher ones count towards the next. */
static void test_samples_of_lower_levels_do_not_count(void)
{
	hp_level_start();
	count(0, HP_LEVEL_FIRST_SAMPLES - HP_LEVEL_SAMPLES / 2);
	count(1, HP_LEVEL_SAMPLES / 2);
	CHECK_UINT_EQ(hp_level_now(), 1);
	count(0, 5 * HP_LEVEL_SAMPLES);
	CHECK_UINT_EQ(hp_level_now(), 1);
	count(7, HP_LEVEL_SAMPLES / 2 - 1);
	CHECK_UINT_EQ(hp_level_now(), 1);
	count(1, 1);
	CHECK_UINT_EQ(hp_level_now(), 2);
}

/* If most stacks are new, the level rises before there are enough samples. */
static void test_rises_by_cost(void)
{
	const int n_first = HP_LEVEL_FIRST_COST / HP_LEVEL_COST_OF_STACK;
	const int n_next = HP_LEVEL_COST / HP_LEVEL_COST_OF_STACK;

	hp_level_start();
	count_stacks(HP_LEVEL_MAX, n_first - 1);
	CHECK_UINT_EQ(hp_level_now(), 0);
	count_stacks(0, 1);
	CHECK_UINT_EQ(hp_level_now(), 1);
	count_stacks(0, n_next); /* cost nothing: they are of a level that has passed */
	CHECK_UINT_EQ(hp_level_now(), 1);
	count_stacks(1, n_next - 1);
	count(1, HP_LEVEL_COST_OF_STACK - 1);
	CHECK_UINT_EQ(hp_level_now(), 1);
	count(HP_LEVEL_MAX, 1);
	CHECK_UINT_EQ(hp_level_now(), 2);
	hp_level_start();
	count_stacks(0, n_first - 1);
	CHECK_UINT_EQ(hp_level_now(), 0);
}

/* Up to the last level, samples cost no more than is allowed. */
static void test_the_whole_cost(void)
{
	uint64_t n = 0;

	hp_level_start();
	for (; hp_level_now() < HP_LEVEL_MAX; n++)
		hp_level_count(hp_level_now(), true /* new stack */);
	CHECK_UINT_EQ(n * HP_LEVEL_COST_OF_STACK,
		      HP_LEVEL_FIRST_COST + (HP_LEVEL_MAX - 1) * HP_LEVEL_COST);
}

/* A program of large blocks has only samples of high levels: the level rises until they are too
 * few. */
static void test_rises_by_several_levels(void)
{
	hp_level_start();
	count(5, HP_LEVEL_FIRST_SAMPLES);
	CHECK_UINT_EQ(hp_level_now(), 6);
}

static void test_stays_at_the_last_level(void)
{
	hp_level_start();
	count(HP_LEVEL_MAX, 3 * HP_LEVEL_FIRST_SAMPLES);
	CHECK_UINT_EQ(hp_level_now(), HP_LEVEL_MAX);
}

enum {
	N_THREADS = 8,
	/* Enough for three rises: of these samples a half has each next level. */
	N_OF_THREAD = 2 * HP_LEVEL_FIRST_SAMPLES / N_THREADS
};

static void *count_in_thread(void *unused)
{
	for (int i = 1; i <= N_OF_THREAD; i++)
		hp_level_count((uint32_t)__builtin_ctz(i), false /* new stack */);
	return NULL;
}

/* The samples of threads add up. Which samples are counted depends on when the level rises, but
 * after all of them it can be neither below 2 nor above 3. */
static void test_threads(void)
{
	for (int round = 0; round < 20; round++) {
		pthread_t threads[N_THREADS];

		hp_level_start();
		for (int i = 0; i < N_THREADS; i++)
			pthread_create(&threads[i], NULL, count_in_thread, NULL);
		for (int i = 0; i < N_THREADS; i++)
			pthread_join(threads[i], NULL);
		CHECK(hp_level_now() == 2 || hp_level_now() == 3);
	}
}

/* Waits until the uptime is another one, and returns it. */
static uint64_t next_uptime(void)
{
	uint64_t before = hp_process_uptime_ms();

	while (hp_process_uptime_ms() == before)
		;
	return hp_process_uptime_ms();
}

static void test_since_when(void)
{
	uint64_t start = next_uptime(), rise;

	hp_level_start();
	CHECK(hp_level_since_ms() >= start);
	rise = next_uptime();
	count(0, HP_LEVEL_FIRST_SAMPLES - 1);
	CHECK(hp_level_since_ms() < rise);
	count(0, 1);
	CHECK(hp_level_since_ms() >= rise);
	CHECK(hp_level_since_ms() <= hp_process_uptime_ms());
	hp_level_after_fork();
	CHECK_UINT_EQ(hp_level_since_ms(), 0);
}

static bool drops_nothing(const struct hp_live_entry *entry)
{
	return false;
}

static size_t n_pages_let_through(void)
{
	size_t n = 0;

	for (uintptr_t page = 0; page < HP_FILTER_PAGES; page++)
		n += hp_live_may_hold((void *)(page * PAGE));
	return n;
}

static void test_sweep_takes_on_each_shard_once(void)
{
	hp_level_start();
	hp_live_reset(false, 1);
	count(HP_LEVEL_SWEPT - 2, HP_LEVEL_FIRST_SAMPLES);
	CHECK_UINT_EQ(hp_level_now(), HP_LEVEL_SWEPT - 1);
	hp_level_sweep(drops_nothing);
	CHECK_UINT_EQ(n_pages_let_through(), HP_FILTER_PAGES);
	count(HP_LEVEL_SWEPT - 1, HP_LEVEL_SAMPLES);
	CHECK_UINT_EQ(hp_level_now(), HP_LEVEL_SWEPT);
	for (size_t i = 1; i <= HP_LIVE_SHARDS; i++) {
		hp_level_sweep(drops_nothing);
		CHECK_UINT_EQ(n_pages_let_through(),
			      HP_FILTER_PAGES / HP_LIVE_SHARDS * (HP_LIVE_SHARDS - i));
	}
	hp_live_stop();
}

TEST_MAIN(TEST(test_rises_when_enough_were_taken), TEST(test_samples_of_lower_levels_do_not_count),
	  TEST(test_rises_by_cost), TEST(test_the_whole_cost), TEST(test_rises_by_several_levels),
	  TEST(test_stays_at_the_last_level), TEST(test_threads), TEST(test_since_when),
	  TEST(test_sweep_takes_on_each_shard_once))
