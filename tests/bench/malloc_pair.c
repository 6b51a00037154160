/* SPDX-License-Identifier: MIT */
/* How long a pair of malloc and free takes: 1 to 256 bytes, one of 1,000 live blocks replaced each
 * time, eight calls deep. Prints nanoseconds.
 *
 *	malloc_pair N_THREADS N_PAIRS */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	N_LIVE = 1000,
	DEPTH = 8,
	THREADS_MAX = 64
};

static long n_pairs;

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void replace_blocks(void **blocks)
{
	uint32_t random = 2463534242;

	for (long i = 0; i < n_pairs; i++) {
		uint32_t r = next_random(&random);
		void **block = &blocks[r % N_LIVE];

		free(*block);
		*block = malloc(1 + (r >> 16) % 256);
	}
}

/* What it returns keeps the compiler from turning the calls into a loop. */
static __attribute__((noinline)) int descend(void **blocks, int depth)
{
	if (depth == DEPTH) {
		replace_blocks(blocks);
		return 0;
	}
	return descend(blocks, depth + 1) + depth;
}

static void *work(void *unused)
{
	void *blocks[N_LIVE] = {0};

	descend(blocks, 1);
	for (int i = 0; i < N_LIVE; i++)
		free(blocks[i]);
	return unused;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv)
{
	int n_threads = argc == 3 ? atoi(argv[1]) : 0;
	pthread_t threads[THREADS_MAX];
	double start;

	n_pairs = argc == 3 ? atol(argv[2]) : 0;
	if (n_threads < 1 || n_threads > THREADS_MAX || n_pairs < 1) {
		fprintf(stderr, "usage: malloc_pair N_THREADS N_PAIRS\n");
		return 2;
	}
	start = now();
	for (int i = 0; i < n_threads; i++)
		if (pthread_create(&threads[i], NULL, work, NULL) != 0)
			return 1;
	for (int i = 0; i < n_threads; i++)
		pthread_join(threads[i], NULL);
	printf("%.1f\n", (now() - start) / n_pairs);
	return 0;
}
