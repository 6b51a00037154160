/* SPDX-License-Identifier: MIT */
/* Measures what an arena pays for reporting its objects, with an arena that does not report them as
 * the yardstick. Prints nanoseconds: of an object that is allocated, without and with a report; of
 * the same if its address is stored; of an object that is freed, without and with a report; of a
 * reset that ends N_OBJECTS reported ones, and of one that ends none. Each is the best of N_ROUNDS.
 *
 *	pool_objects N_OBJECTS N_ROUNDS */
#include "bench.h"
#include <heapprof_pool.h>

enum {
	SIZE = 48,
	RESETS = 1000, /* of an arena without objects; one takes less than the clock can show */
};

struct arena {
	char *start, *at, *end;
};

static size_t describe(const void *pool, char *name, size_t size)
{
	memcpy(name, "arena", 5);
	return 5;
}

static const struct heapprof_pool_class arenas = {sizeof(arenas), "bench", describe, 1, NULL};

static void arena_init(struct arena *a, size_t size)
{
	a->start = a->at = bench_check(malloc(size));
	a->end = a->start + size;
	memset(a->start, 1, size);
	heapprof_pool_block(&arenas, a, a->start, size);
}

static inline void *take(struct arena *a, size_t size)
{
	void *p = a->at;

	size = (size + 15) & ~(size_t)15;
	if (__builtin_expect((size_t)(a->end - a->at) < size, 0))
		return NULL;
	a->at += size;
	return p;
}

static NOINLINE void *alloc_silently(struct arena *a, size_t size)
{
	return take(a, size);
}

static NOINLINE void *alloc_reported(struct arena *a, size_t size)
{
	void *p = take(a, size);

	heapprof_pool_alloc(&arenas, a, p, size);
	return p;
}

static NOINLINE void free_silently(struct arena *a, void *p)
{
	__asm__ volatile("" : : "r"(a), "r"(p));
}

static NOINLINE void free_reported(struct arena *a, void *p)
{
	heapprof_pool_free(p);
	__asm__ volatile("" : : "r"(a), "r"(p));
}

/* Other programs may share the processor, so this is the time of the thread. */
static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void keep_least(double *least, double value)
{
	if (*least == 0 || value < *least)
		*least = value;
}

/* Runs a statement for each object, and keeps the nanoseconds of one. */
#define TIME(least, statement)                                     \
	do {                                                       \
		double start = cpu_ns();                           \
		for (long i = 0; i < n_objects; i++)               \
			statement;                                 \
		keep_least(least, (cpu_ns() - start) / n_objects); \
	} while (0)

static void measure_resets(struct arena *a, double *least_full, double *least_empty)
{
	double start = cpu_ns();

	heapprof_pool_reset(a);
	keep_least(least_full, cpu_ns() - start);
	start = cpu_ns();
	for (int i = 0; i < RESETS; i++) {
		heapprof_pool_reset(a);
		__asm__ volatile("" : : : "memory");
	}
	keep_least(least_empty, (cpu_ns() - start) / RESETS);
	a->at = a->start;
}

static void measure(struct arena *silent, struct arena *reported, void **kept, long n_objects,
		    double least[8])
{
	TIME(&least[0], alloc_silently(silent, SIZE));
	TIME(&least[1], alloc_reported(reported, SIZE));
	silent->at = silent->start;
	heapprof_pool_reset(reported);
	reported->at = reported->start;
	TIME(&least[2], kept[i] = alloc_silently(silent, SIZE));
	TIME(&least[3], kept[i] = alloc_reported(reported, SIZE));
	TIME(&least[4], free_silently(silent, kept[i]));
	TIME(&least[5], free_reported(reported, kept[i]));
	silent->at = silent->start;
	reported->at = reported->start;
	for (long i = 0; i < n_objects; i++)
		alloc_reported(reported, SIZE);
	measure_resets(reported, &least[6], &least[7]);
}

int main(int argc, char **argv)
{
	long n_objects = bench_argument(argc, argv, 1, 0);
	long n_rounds = bench_argument(argc, argv, 2, 0);
	struct arena silent, reported;
	double least[8] = {0};

	if (n_objects < 1 || n_rounds < 1) {
		fprintf(stderr, "usage: pool_objects N_OBJECTS N_ROUNDS\n");
		return 2;
	}
	arena_init(&silent, (size_t)(n_objects + 1) * SIZE);
	arena_init(&reported, (size_t)(n_objects + 1) * SIZE);
	void **kept = bench_check(calloc((size_t)n_objects + 1, sizeof(*kept)));

	for (long i = 0; i < n_rounds; i++)
		measure(&silent, &reported, kept, n_objects, least);
	for (int i = 0; i < 8; i++)
		printf("%.2f%c", least[i], i < 7 ? ' ' : '\n');
	return 0;
}
