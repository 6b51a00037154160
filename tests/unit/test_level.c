/* SPDX-License-Identifier: MIT */
/* When the level rises, and that a sweep takes on each shard once. */
#include "record/level.h"
#include "test.h"
#include <pthread.h>

enum {
	PAGE = 4096
};

static void count(uint32_t level, int n)
{
	for (int i = 0; i < n; i++)
		hp_level_count(level);
}

static void test_rises_when_enough_were_taken(void)
{
	hp_level_start();
	CHECK_UINT_EQ(hp_level_now(), 0);
	count(0, HP_LEVEL_SAMPLES - 1);
	CHECK_UINT_EQ(hp_level_now(), 0);
	count(0, 1);
	CHECK_UINT_EQ(hp_level_now(), 1);
	hp_level_start();
	CHECK_UINT_EQ(hp_level_now(), 0);
	count(0, 1);
	CHECK_UINT_EQ(hp_level_now(), 0);
}

/* Only samples of the present level and higher ones count towards the next. */
static void test_samples_of_lower_levels_do_not_count(void)
{
	hp_level_start();
	count(0, HP_LEVEL_SAMPLES / 2);
	count(1, HP_LEVEL_SAMPLES / 2);
	CHECK_UINT_EQ(hp_level_now(), 1);
	count(0, 2 * HP_LEVEL_SAMPLES);
	CHECK_UINT_EQ(hp_level_now(), 1);
	count(7, HP_LEVEL_SAMPLES / 2 - 1);
	CHECK_UINT_EQ(hp_level_now(), 1);
	count(1, 1);
	CHECK_UINT_EQ(hp_level_now(), 2);
}

/* A program of large blocks has only samples of high levels: the level rises until they are too
 * few. */
static void test_rises_by_several_levels(void)
{
	hp_level_start();
	count(5, HP_LEVEL_SAMPLES);
	CHECK_UINT_EQ(hp_level_now(), 6);
}

static void test_stays_at_the_last_level(void)
{
	hp_level_start();
	count(HP_LEVEL_MAX, 3 * HP_LEVEL_SAMPLES);
	CHECK_UINT_EQ(hp_level_now(), HP_LEVEL_MAX);
}

enum {
	N_THREADS = 8,
	/* Enough for two rises: of these samples a half has each next level. */
	N_OF_THREAD = 2 * HP_LEVEL_SAMPLES / N_THREADS
};

static void *count_in_thread(void *unused)
{
	for (int i = 1; i <= N_OF_THREAD; i++)
		hp_level_count((uint32_t)__builtin_ctz(i));
	return NULL;
}

/* The samples of threads add up. Which samples are counted depends on when the level rises, but
 * after all of them it can be neither below 1 nor above 2. */
static void test_threads(void)
{
	for (int round = 0; round < 20; round++) {
		pthread_t threads[N_THREADS];

		hp_level_start();
		for (int i = 0; i < N_THREADS; i++)
			pthread_create(&threads[i], NULL, count_in_thread, NULL);
		for (int i = 0; i < N_THREADS; i++)
			pthread_join(threads[i], NULL);
		CHECK(hp_level_now() == 1 || hp_level_now() == 2);
	}
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
	count(HP_LEVEL_SWEPT - 2, HP_LEVEL_SAMPLES);
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
	  TEST(test_rises_by_several_levels), TEST(test_stays_at_the_last_level),
	  TEST(test_threads), TEST(test_sweep_takes_on_each_shard_once))
