/* SPDX-License-Identifier: MIT */
/* A program with a known set of allocations. Each kind of allocation has a function of its own,
 * which also states the counts that a dump must have for that function. At the end the program
 * prints these counts, and a test compares them with the dump.
 *
 * A line has the function, objects and bytes in use, objects and bytes allocated. */
#pragma once
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE   __attribute__((noinline))
#define IMPOSSIBLE ((size_t)-1 / 2 - 4096)

struct expectation {
	const char *function;
	long objects, bytes, alloc_objects, alloc_bytes;
};

/* Keeps the compiler from knowing whether a block is used. */
static __thread void *volatile sink; /* per thread, because each thread frees its own block */

static size_t hide(size_t size)
{
	volatile size_t hidden = size;

	return hidden;
}

/* The counts that one thread causes. All threads do the same, so print_expectations() multiplies
 * the counts by the number of threads. */
static struct expectation expectations[64];
static int n_expectations;

static void expect(int is_first_thread, const char *function, long objects, long bytes,
		   long alloc_objects, long alloc_bytes)
{
	if (is_first_thread)
		expectations[n_expectations++] =
			(struct expectation){function, objects, bytes, alloc_objects, alloc_bytes};
}

/* States the counts that a dump must have for the calling function. */
#define EXPECT(objects, bytes, alloc_objects, alloc_bytes) \
	expect(is_first, __func__, objects, bytes, alloc_objects, alloc_bytes)

static void print_expectations(int n_threads)
{
	for (int i = 0; i < n_expectations; i++) {
		const struct expectation *e = &expectations[i];

		printf("%s %ld %ld %ld %ld\n", e->function, e->objects * n_threads,
		       e->bytes * n_threads, e->alloc_objects * n_threads,
		       e->alloc_bytes * n_threads);
	}
}

#ifdef __cplusplus
#define PLAIN_NAME extern "C"
#else
#define PLAIN_NAME
#endif

PLAIN_NAME void do_everything(int is_first);
PLAIN_NAME void *thread_main(void *is_first);

PLAIN_NAME void *thread_main(void *is_first)
{
	do_everything(is_first != NULL);
	return NULL;
}

/* argv[1]: the number of threads that allocate. If it is 1, that thread is the main thread. */
int main(int argc, char **argv)
{
	static char buffer[1 << 16];
	int n_threads = argc > 1 ? atoi(argv[1]) : 1;
	pthread_t threads[64];

	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	if (n_threads == 1) {
		do_everything(1);
	} else {
		for (int i = 0; i < n_threads; i++)
			pthread_create(&threads[i], NULL, thread_main, i == 0 ? &threads : NULL);
		for (int i = 0; i < n_threads; i++)
			pthread_join(threads[i], NULL);
	}
	print_expectations(n_threads);
	return 0;
}
