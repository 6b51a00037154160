/* SPDX-License-Identifier: MIT */
/* Makes a heap of a given size, or threads, and measures how much memory the process then has. The
 * difference between runs with and without a profiler is the profiler's.
 *
 *	own_memory blocks N SIZE DEPTH    N blocks of SIZE in use, allocated from 2^DEPTH stacks
 *	own_memory threads N MIB          N threads, each of which has allocated and freed MIB
 *
 * Prints KiB of resident memory. The process then ends with all of it in use. */
#include "bench.h"
#include <pthread.h>
#include <unistd.h>

static long n_blocks, block_size, n_levels;

static void *(*volatile allocate)(size_t size) = malloc;

static NOINLINE void allocate_from(unsigned stack, int level)
{
	if (level == n_levels) {
		char *p = bench_check(allocate(block_size));

		*(volatile char *)p = 1; /* leaked: in use until the end */
		return;
	}
	if (stack >> level & 1) {
		allocate_from(stack, level + 1);
		CALL_SITE("one");
	} else {
		allocate_from(stack, level + 1);
		CALL_SITE("the other");
	}
}

static void fill(void)
{
	for (long i = 0; i < n_blocks; i++)
		allocate_from(i, 0);
}

/* --- threads ------------------------------------------------------------------------------- */

static pthread_barrier_t is_done, may_end;
static long bytes_a_thread;

static void *work(void *unused)
{
	for (long done = 0; done < bytes_a_thread; done += 1024)
		free(bench_check(allocate(1024)));
	pthread_barrier_wait(&is_done);
	pthread_barrier_wait(&may_end);
	return unused;
}

static void run_threads(long n_threads)
{
	pthread_t *threads = bench_check(calloc(n_threads, sizeof(*threads)));
	pthread_attr_t attributes;

	pthread_barrier_init(&is_done, NULL, n_threads + 1);
	pthread_barrier_init(&may_end, NULL, n_threads + 1);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 128 * 1024);
	for (long i = 0; i < n_threads; i++)
		if (pthread_create(&threads[i], &attributes, work, NULL) != 0) {
			fputs("no more threads\n", stderr);
			exit(1);
		}
	pthread_barrier_wait(&is_done);
	printf("%ld\n", bench_smaps_kib("Rss:"));
	pthread_barrier_wait(&may_end);
	for (long i = 0; i < n_threads; i++)
		pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "blocks") == 0) {
		n_blocks = atol(argv[2]);
		block_size = atol(argv[3]);
		n_levels = atol(argv[4]);
		fill();
		printf("%ld\n", bench_smaps_kib("Rss:"));
	} else if (argc == 4 && strcmp(argv[1], "threads") == 0) {
		bytes_a_thread = atol(argv[3]) << 20;
		run_threads(atol(argv[2]));
	} else {
		return 2;
	}
	return 0;
}
