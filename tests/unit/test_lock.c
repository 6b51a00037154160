/* SPDX-License-Identifier: MIT */
#include "base/lock.h"
#include "test.h"
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

enum {
	N_THREADS = 4,
	N_ROUNDS = 50000
};

static struct hp_lock lock;
static uint64_t counter;

static void *count_up(void *unused)
{
	size_t n_missed = 0;

	for (int i = 0; i < N_ROUNDS; i++) {
		if (!hp_lock_acquire(&lock)) {
			n_missed++;
			continue;
		}
		counter++;
		hp_lock_release(&lock);
	}
	return (void *)n_missed;
}

static void test_excludes_other_threads(void)
{
	pthread_t threads[N_THREADS];
	size_t n_missed = 0;

	for (int i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i], NULL, count_up, NULL);
	for (int i = 0; i < N_THREADS; i++) {
		void *n;

		pthread_join(threads[i], &n);
		n_missed += (size_t)n;
	}
	CHECK_UINT_EQ(n_missed, 0);
	CHECK_UINT_EQ(counter, N_THREADS * N_ROUNDS);
	CHECK_UINT_EQ(lock.word, 0);
}

static void test_try(void)
{
	CHECK(hp_lock_try(&lock));
	CHECK(!hp_lock_try(&lock));
	hp_lock_release(&lock);
	CHECK(hp_lock_try(&lock));
	hp_lock_release(&lock);
	CHECK(hp_lock_try(&lock));
	hp_lock_release(&lock);
}

static void *acquire(void *unused)
{
	return (void *)(size_t)hp_lock_acquire(&lock);
}

/* The owner never releases the lock: a waiter gives up and goes on without it. */
static void test_gives_up(void)
{
	pthread_t thread;
	void *has_lock;

	CHECK(hp_lock_try(&lock));
	pthread_create(&thread, NULL, acquire, NULL);
	pthread_join(thread, &has_lock);
	CHECK(!has_lock);
	hp_lock_release(&lock);
	CHECK(hp_lock_acquire(&lock));
	hp_lock_release(&lock);
}

/* Releases the lock after 100,000 ticks (10 s), so that the test ends even if the waiter does not
 * give up. */
static void on_tick(int signal)
{
	static int n_ticks;

	if (++n_ticks == 100000)
		hp_lock_release(&lock);
}

static void *hold(void *unused)
{
	return (void *)(size_t)hp_lock_try(&lock);
}

/* The timer interrupts every sleep before its end, as a program's own sampling profiler may do. */
static void test_gives_up_under_a_fast_timer(void)
{
	static const struct itimerval fast = {{.tv_usec = 100}, {.tv_usec = 100}}, off;
	pthread_t thread;
	void *is_held;

	pthread_create(&thread, NULL, hold, NULL);
	pthread_join(thread, &is_held);
	CHECK(is_held);
	signal(SIGALRM, on_tick);
	setitimer(ITIMER_REAL, &fast, NULL);
	CHECK(!hp_lock_acquire(&lock));
	setitimer(ITIMER_REAL, &off, NULL);
	hp_lock_release(&lock);
}

static uint32_t progress;

/* Holds the lock for longer than any thread waits, and counts up `progress` meanwhile. */
static void *hold_and_go_on(void *is_held)
{
	const struct timespec nap = {.tv_nsec = 1000 * 1000};

	CHECK(hp_lock_try(&lock));
	__atomic_store_n((int *)is_held, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < HP_LOCK_PATIENCE_MS * 3 / 2; i++) {
		__atomic_add_fetch(&progress, 1, __ATOMIC_RELAXED);
		nanosleep(&nap, NULL);
	}
	hp_lock_release(&lock);
	return NULL;
}

static void test_waits_for_who_goes_on(void)
{
	pthread_t thread;
	int is_held = 0;

	pthread_create(&thread, NULL, hold_and_go_on, &is_held);
	while (!__atomic_load_n(&is_held, __ATOMIC_SEQ_CST))
		;
	CHECK(hp_lock_acquire_while(&lock, &progress));
	pthread_join(thread, NULL);
	hp_lock_release(&lock);
	pthread_create(&thread, NULL, hold, NULL);
	pthread_join(thread, NULL);
	CHECK(!hp_lock_acquire_while(&lock, &progress));
	hp_lock_release(&lock);
}

static void *acquire_own(void *unused)
{
	CHECK(!hp_lock_is_mine(&lock));
	CHECK(hp_lock_acquire(&lock));
	CHECK(hp_lock_is_mine(&lock));
	return NULL;
}

/* If the thread waited 2 s for the lock that it holds, a hundred rounds would exceed the test's
 * time limit. */
static void test_nobody_waits_for_himself(void)
{
	pthread_t thread;

	CHECK(hp_lock_acquire(&lock));
	for (int i = 0; i < 100; i++)
		CHECK(!hp_lock_acquire(&lock));
	CHECK(hp_lock_is_mine(&lock));
	hp_lock_release(&lock);
	CHECK(!hp_lock_is_mine(&lock));
	pthread_create(&thread, NULL, acquire_own, NULL);
	pthread_join(thread, NULL);
	CHECK(!hp_lock_is_mine(&lock));
	hp_lock_release(&lock);
}

TEST_MAIN(TEST(test_excludes_other_threads), TEST(test_try), TEST(test_gives_up),
	  TEST(test_gives_up_under_a_fast_timer), TEST(test_waits_for_who_goes_on),
	  TEST(test_nobody_waits_for_himself))
