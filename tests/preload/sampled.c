/* SPDX-License-Identifier: MIT */
/* Allocates blocks of three sizes and frees half of them; a sampled dump estimates their numbers
 * and bytes. argv[1] is the number of threads, which all do the same. Instead it may be "fail" for
 * calls that return no memory, "resize" for a block that realloc() grows and shrinks, or "resizex"
 * for a block that jemalloc's own functions resize. */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

enum {
	N_SMALL = 200000,
	N_MIDDLE = 20000,
	N_LARGE = 100
};

static __thread void *volatile sink; /* per thread, because each thread frees its own block */

static void allocate(int n, size_t size)
{
	for (int i = 0; i < n; i++) {
		sink = malloc(size);
		if (i % 2 == 1)
			free(sink);
	}
}

static NOINLINE void allocate_small(void)
{
	allocate(N_SMALL, 100);
}

static NOINLINE void allocate_middle(void)
{
	allocate(N_MIDDLE, 3000);
}

static NOINLINE void allocate_large(void)
{
	allocate(N_LARGE, 1000000);
}

static void *allocate_all(void *unused)
{
	allocate_small();
	allocate_middle();
	allocate_large();
	return NULL;
}

static volatile size_t odd = 3, huge = SIZE_MAX / 2 + 2; /* invalid alignments */

static NOINLINE void fail_to_allocate(void)
{
	void *p;

	for (int i = 0; i < N_SMALL; i++) {
		if (posix_memalign(&p, odd, 1000) == 0)
			abort();
		if (memalign(huge, 1000) || aligned_alloc(huge, 1000))
			abort();
		free(malloc(1));
	}
}

__attribute__((weak)) void *rallocx(void *p, size_t size, int flags);
__attribute__((weak)) size_t xallocx(void *p, size_t size, size_t extra, int flags);

/* Resizes a block by rallocx(). Each xallocx() fails, because the block can't grow that far in
 * place. */
static NOINLINE void resizex(void)
{
	sink = malloc(1000);
	for (int i = 0; i < N_SMALL; i++) {
		sink = rallocx(sink, i % 2 == 0 ? 1000 : 2000, 0);
		if (xallocx(sink, 5000, 0, 0) >= 5000)
			abort();
	}
}

static NOINLINE void resize(void)
{
	for (int i = 0; i < N_SMALL; i++)
		sink = realloc(sink, i % 2 == 0 ? 1000 : 2000);
}

int main(int argc, char **argv)
{
	if (strcmp(argv[1], "fail") == 0) {
		fail_to_allocate();
		return 0;
	}
	if (strcmp(argv[1], "resize") == 0) {
		resize();
		return 0;
	}
	if (strcmp(argv[1], "resizex") == 0) {
		resizex();
		return 0;
	}
	int n_threads = atoi(argv[1]);
	pthread_t threads[16];

	for (int i = 0; i < n_threads; i++)
		pthread_create(&threads[i], NULL, allocate_all, NULL);
	for (int i = 0; i < n_threads; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
