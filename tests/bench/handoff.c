/* SPDX-License-Identifier: MIT */
/* Measures one thread that allocates, and another that gets the blocks through a ring and frees
 * them. Prints nanoseconds per block.
 *
 *	handoff N_BLOCKS */
#include "bench.h"
#include <pthread.h>
#include <sched.h>

enum {
	N_SLOTS = 4096,
	BATCH = 64 /* blocks after which a thread looks at the other's index */
};

static void *slots[N_SLOTS];
static long n_blocks;
static long n_given __attribute__((aligned(64)));
static long n_taken __attribute__((aligned(64)));

/* Waits until *count reaches `value`. Yields rather than spins, because there may be only one
 * processor. */
static void wait_until(const long *count, long value)
{
	while (__atomic_load_n(count, __ATOMIC_ACQUIRE) < value)
		sched_yield();
}

static void *take(void *unused)
{
	for (long i = 0; i < n_blocks; i++) {
		if (i % BATCH == 0)
			wait_until(&n_given, i + BATCH);
		free(slots[i % N_SLOTS]);
		if (i % BATCH == BATCH - 1)
			__atomic_store_n(&n_taken, i + 1, __ATOMIC_RELEASE);
	}
	return unused;
}

static void give(void)
{
	uint32_t random = 2463534242;

	for (long i = 0; i < n_blocks; i++) {
		size_t size = sizeof(long) + bench_random(&random) % 249;

		if (i % BATCH == 0)
			wait_until(&n_taken, i + BATCH - N_SLOTS);
		slots[i % N_SLOTS] = bench_check(malloc(size));
		*(volatile long *)slots[i % N_SLOTS] = size;
		if (i % BATCH == BATCH - 1)
			__atomic_store_n(&n_given, i + 1, __ATOMIC_RELEASE);
	}
}

int main(int argc, char **argv)
{
	pthread_t taker;
	double start;

	n_blocks = bench_argument(argc, argv, 1, 0) / BATCH * BATCH;
	if (n_blocks <= 0 || pthread_create(&taker, NULL, take, NULL) != 0)
		return 2;
	start = bench_now_ns();
	give();
	pthread_join(taker, NULL);
	printf("%.2f\n", (bench_now_ns() - start) / n_blocks);
	return 0;
}
