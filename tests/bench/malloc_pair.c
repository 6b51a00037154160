/* SPDX-License-Identifier: MIT */
/* Measures how long a pair of malloc and free takes. Each thread keeps N_LIVE blocks. DEPTH calls
 * deep it frees one of them, allocates a new one and writes its first word. Prints nanoseconds per
 * pair.
 *
 *	malloc_pair N_THREADS N_PAIRS [DEPTH 8 [N_LIVE 1000 [SIZE_MAX 256]]] */
#include "bench.h"
#include <pthread.h>

enum {
	THREADS_MAX = 64
};

static long n_pairs, call_depth, n_live, size_max;
static pthread_barrier_t is_filled;

struct worker {
	pthread_t thread;
	double start, end;
};

/* Allocates a block. Writes its first word through a volatile pointer, so that no compiler removes
 * the allocation. */
static char *new_block(size_t size)
{
	char *p = bench_check(malloc(size));

	*(volatile char *)p = 1;
	if (size >= sizeof(long))
		*(volatile long *)p = size;
	return p;
}

static NOINLINE void replace_blocks(char **blocks)
{
	uint32_t random = 2463534242;

	for (long i = 0; i < n_pairs; i++) {
		uint32_t r = bench_random(&random);
		char **block = &blocks[r % n_live];

		free(*block);
		*block = new_block(1 + (r >> 16) % size_max);
	}
}

static NOINLINE void descend(char **blocks, int depth)
{
	if (depth >= call_depth) {
		replace_blocks(blocks);
		return;
	}
	descend(blocks, depth + 1);
	CALL_SITE("descend");
}

static void *work(void *argument)
{
	char **blocks = bench_check(calloc(n_live, sizeof(*blocks)));
	struct worker *worker = argument;

	for (long i = 0; i < n_live; i++)
		blocks[i] = new_block(1 + i % size_max);
	pthread_barrier_wait(&is_filled);
	worker->start = bench_now_ns();
	descend(blocks, 1);
	worker->end = bench_now_ns();
	for (long i = 0; i < n_live; i++)
		free(blocks[i]);
	free(blocks);
	return NULL;
}

/* Runs the workers. Returns the nanoseconds from the start of the first to the end of the last. */
static double run_all(struct worker *workers, int n)
{
	double start = 1e300, end = 0;

	for (int i = 0; i < n; i++)
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			exit(1);
	for (int i = 0; i < n; i++) {
		pthread_join(workers[i].thread, NULL);
		start = workers[i].start < start ? workers[i].start : start;
		end = workers[i].end > end ? workers[i].end : end;
	}
	return end - start;
}

int main(int argc, char **argv)
{
	struct worker workers[THREADS_MAX];
	long n_threads = bench_argument(argc, argv, 1, 0);

	n_pairs = bench_argument(argc, argv, 2, 0);
	call_depth = bench_argument(argc, argv, 3, 8);
	n_live = bench_argument(argc, argv, 4, 1000);
	size_max = bench_argument(argc, argv, 5, 256);
	if (n_threads < 1 || n_threads > THREADS_MAX || n_pairs < 1 || n_live < 1 || size_max < 1 ||
	    size_max > 65536) {
		fprintf(stderr, "usage: malloc_pair N_THREADS N_PAIRS [DEPTH N_LIVE SIZE_MAX]\n");
		return 2;
	}
	pthread_barrier_init(&is_filled, NULL, n_threads);
	printf("%.2f\n", run_all(workers, n_threads) / n_pairs);
	return 0;
}
