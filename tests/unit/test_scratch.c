/* SPDX-License-Identifier: MIT */
#include "base/scratch.h"
#include "test.h"
#include <pthread.h>
#include <signal.h>

struct visit {
	char *here;
	bool are_signals_blocked;
	uint64_t sum;
};

static uint64_t use_stack(int depth)
{
	volatile char room[1024];

	room[depth % 1024] = (char)depth;
	return depth == 0 ? 0 : room[depth % 1024] * 0 + depth + use_stack(depth - 1);
}

static void look(void *argument)
{
	struct visit *v = argument;
	char local;
	sigset_t set;

	v->here = &local;
	pthread_sigmask(SIG_BLOCK, NULL, &set);
	v->are_signals_blocked = sigismember(&set, SIGUSR1) && sigismember(&set, SIGXFSZ);
	v->sum = use_stack(60); /* about 64 KiB */
}

static void test_runs_elsewhere_with_signals_blocked(void)
{
	struct visit v = {0};
	char local;
	sigset_t before = {0}, after = {0}; /* the kernel fills 8 bytes */

	pthread_sigmask(SIG_BLOCK, NULL, &before);
	CHECK(hp_scratch_call(look, &v));
	pthread_sigmask(SIG_BLOCK, NULL, &after);
	CHECK(v.here - &local > 1 << 20 || &local - v.here > 1 << 20);
	CHECK(v.are_signals_blocked);
	CHECK(memcmp(&before, &after, sizeof(before)) == 0);
	CHECK_UINT_EQ(v.sum, 60 * 61 / 2);
}

static void call_again(void *argument)
{
	int *depth = argument;

	if (--*depth > 0)
		CHECK(hp_scratch_call(call_again, depth));
}

static void test_nests(void)
{
	int depth = 4;

	CHECK(hp_scratch_call(call_again, &depth));
	CHECK_INT_EQ(depth, 0);
}

static void *call_often(void *unused)
{
	size_t n_bad = 0;

	for (int i = 0; i < 500; i++) {
		struct visit v = {0};

		n_bad += !hp_scratch_call(look, &v) || v.sum != 60 * 61 / 2;
	}
	return (void *)n_bad;
}

/* There are more threads than scratch stacks. */
static void test_threads_share(void)
{
	pthread_t threads[20];

	for (int i = 0; i < 20; i++)
		pthread_create(&threads[i], NULL, call_often, NULL);
	for (int i = 0; i < 20; i++) {
		void *n_bad;

		pthread_join(threads[i], &n_bad);
		CHECK_UINT_EQ((size_t)n_bad, 0);
	}
}

TEST_MAIN(TEST(test_runs_elsewhere_with_signals_blocked), TEST(test_nests),
	  TEST(test_threads_share))
