/* SPDX-License-Identifier: MIT */
#include "entries.h"
#include <errno.h>
#include <malloc.h>
#include <stdint.h>

static NOINLINE void do_malloc(int is_first)
{
	EXPECT(1000, 1000 * 100, 1000, 1000 * 100);
	for (int i = 0; i < 1000; i++)
		sink = malloc(hide(100));
}

static NOINLINE void do_malloc_and_free(int is_first)
{
	EXPECT(0, 0, 2000, 2000 * 33);
	for (int i = 0; i < 2000; i++) {
		sink = malloc(hide(33));
		free(sink);
	}
}

static NOINLINE void do_sizes(int is_first)
{
	long sum = 0;

	for (int i = 0; i < 5000; i += 7)
		sum += i;
	EXPECT(5000 / 7 + 1, sum, 5000 / 7 + 1, sum);
	for (int i = 0; i < 5000; i += 7)
		sink = malloc(hide(i));
}

static NOINLINE void do_large(int is_first)
{
	EXPECT(1, 5 << 20, 3, 15 << 20);
	sink = malloc(hide(5 << 20));
	free(sink);
	sink = malloc(hide(5 << 20));
	free(sink);
	sink = malloc(hide(5 << 20));
}

static NOINLINE void do_malloc_of_nothing(int is_first)
{
	EXPECT(5, 0, 5, 0);
	for (int i = 0; i < 5; i++)
		sink = malloc(hide(0));
}

static NOINLINE void do_failing(int is_first)
{
	void *p;

	EXPECT(0, 0, 0, 0);
	sink = malloc(hide(IMPOSSIBLE));
	sink = malloc(hide(SIZE_MAX));
	sink = calloc(hide(SIZE_MAX / 2), hide(3));
	sink = calloc(hide(1), hide(IMPOSSIBLE));
	sink = aligned_alloc(64, hide(IMPOSSIBLE));
	sink = memalign(64, hide(IMPOSSIBLE));
	sink = valloc(hide(IMPOSSIBLE));
	sink = reallocarray(NULL, hide(SIZE_MAX / 2), hide(4));
	if (posix_memalign(&p, 64, hide(IMPOSSIBLE)) != ENOMEM)
		abort();
	if (posix_memalign(&p, 3, hide(16)) != EINVAL)
		abort();
}

static NOINLINE void do_calloc(int is_first)
{
	EXPECT(10, 10 * 5 * 100, 10, 10 * 5 * 100);
	for (int i = 0; i < 10; i++)
		sink = calloc(hide(5), hide(100));
}

static NOINLINE void do_realloc_of_null(int is_first)
{
	EXPECT(3, 300, 3, 300);
	for (int i = 0; i < 3; i++)
		sink = realloc(NULL, hide(100));
}

static NOINLINE void do_realloc_growing(int is_first)
{
	char *p = malloc(hide(10));
	long sum = 10;

	for (int size = 100; size <= 100000; size *= 10) {
		p = realloc(p, hide(size));
		sum += size;
	}
	EXPECT(1, 100000, 5, sum);
	sink = p;
}

/* Moves blocks. Runs last, so that hardly any of the old addresses is used again: a new block there
 * would replace the record of an old one that is wrongly left. */
static NOINLINE void do_realloc_moving(int is_first)
{
	static __thread void *blocks[200];

	EXPECT(200, 200 * 3000, 400, 200 * 4000);
	for (int i = 0; i < 200; i++)
		blocks[i] = malloc(hide(1000));
	for (int i = 0; i < 200; i++)
		blocks[i] = realloc(blocks[i], hide(3000));
}

static NOINLINE void do_realloc_shrinking(int is_first)
{
	char *p = malloc(hide(10000));

	p = realloc(p, hide(9990));
	p = realloc(p, hide(24));
	EXPECT(1, 24, 3, 10000 + 9990 + 24);
	sink = p;
}

static NOINLINE void do_realloc_to_nothing(int is_first)
{
	sink = malloc(hide(100));
	sink = realloc(sink, hide(0));
	if (sink) /* realloc() to size 0 may return a block or NULL: the allocator chooses */
		EXPECT(1, 0, 2, 100);
	else
		EXPECT(0, 0, 1, 100);
}

static NOINLINE void do_realloc_failing(int is_first)
{
	char *p = malloc(hide(100));

	EXPECT(1, 100, 1, 100);
	if (realloc(p, hide(IMPOSSIBLE)) || errno != ENOMEM)
		abort();
	if (reallocarray(p, hide(SIZE_MAX / 2), hide(5)) || errno != ENOMEM)
		abort();
	sink = p;
}

static NOINLINE void *allocate_for_realloc(int is_first)
{
	EXPECT(0, 0, 1, 77);
	return malloc(hide(77));
}

/* A reallocated block counts for the function that reallocated it last. */
static NOINLINE void do_realloc_of_anothers(int is_first)
{
	void *p = allocate_for_realloc(is_first);

	EXPECT(1, 88, 1, 88);
	sink = realloc(p, hide(88));
}

static NOINLINE void do_reallocarray(int is_first)
{
	void *p = reallocarray(NULL, hide(10), hide(10));

	EXPECT(1, 400, 2, 500);
	sink = reallocarray(p, hide(20), hide(20));
}

static NOINLINE void do_posix_memalign(int is_first)
{
	void *p;

	EXPECT(2, 300, 3, 450);
	for (int i = 0; i < 3; i++) {
		if (posix_memalign(&p, 256, hide(150)) != 0 || (uintptr_t)p % 256 != 0)
			abort();
		sink = p;
	}
	free(sink);
}

static NOINLINE void do_aligned_alloc(int is_first)
{
	EXPECT(1, 4096, 1, 4096);
	sink = aligned_alloc(1024, hide(4096));
	if ((uintptr_t)sink % 1024 != 0)
		abort();
}

static NOINLINE void do_memalign(int is_first)
{
	EXPECT(1, 50, 1, 50);
	sink = memalign(64, hide(50));
}

static NOINLINE void do_valloc(int is_first)
{
	EXPECT(1, 50, 1, 50);
	sink = valloc(hide(50));
	if ((uintptr_t)sink % 4096 != 0)
		abort();
}

static NOINLINE void do_pvalloc(int is_first)
{
	EXPECT(1, 5000, 1, 5000);
	sink = pvalloc(hide(IMPOSSIBLE));
	sink = pvalloc(hide(5000));
	if (malloc_usable_size(sink) < 8192)
		abort();
}

static NOINLINE void do_usable_size(int is_first)
{
	EXPECT(1, 100, 1, 100);
	sink = malloc(hide(100));
	if (malloc_usable_size(sink) < 100)
		abort();
}

static void *other_thread_frees(void *p)
{
	free(p);
	return NULL;
}

static NOINLINE void do_free_in_another_thread(int is_first)
{
	pthread_t thread;
	void *p = malloc(hide(1234));

	EXPECT(0, 0, 1, 1234);
	pthread_create(&thread, NULL, other_thread_frees, p);
	pthread_join(thread, NULL);
}

static NOINLINE void do_deep(int is_first, int depth)
{
	if (depth == 0) {
		EXPECT(1, 41, 1, 41);
		sink = malloc(hide(41));
	} else {
		do_deep(is_first, depth - 1);
	}
	sink = NULL; /* prevents a tail call */
}

void do_everything(int is_first)
{
	do_malloc(is_first);
	do_malloc_and_free(is_first);
	do_sizes(is_first);
	do_large(is_first);
	do_malloc_of_nothing(is_first);
	do_failing(is_first);
	do_calloc(is_first);
	do_realloc_of_null(is_first);
	do_realloc_growing(is_first);
	do_realloc_shrinking(is_first);
	do_realloc_to_nothing(is_first);
	do_realloc_failing(is_first);
	do_realloc_of_anothers(is_first);
	do_reallocarray(is_first);
	do_posix_memalign(is_first);
	do_aligned_alloc(is_first);
	do_memalign(is_first);
	do_valloc(is_first);
	/* jemalloc has no pvalloc() and can't free a block of the C library */
	if (!getenv("ENTRIES_NO_PVALLOC"))
		do_pvalloc(is_first);
	do_usable_size(is_first);
	do_free_in_another_thread(is_first);
	do_deep(is_first, 20);
	do_realloc_moving(is_first);
}
