/* SPDX-License-Identifier: MIT */
/* Measures how long a dump takes, and how long it delays another thread. N_STACKS different stacks
 * have a block in use each. One thread dumps while another goes on allocating under all of these
 * stacks and times each malloc and free. The other thread has been under each stack once before,
 * because the first calls of a thread are slow by themselves: they get memory for the thread. The
 * same is measured while the first thread computes for as long as the dump took. That shows how
 * much the machine itself delays two busy threads.
 *
 *	dump_pause N_STACKS
 *
 * Prints the milliseconds of the dump, then three pairs of microseconds: during the dump, without a
 * dump, and for the thread that made the stacks, while the tables grew. The first number of a pair
 * is the longest call; the second is the longest of those calls in which the kernel did not take
 * the processor away. The profiler is the one that is present: it is called by HeapProfilerDump(),
 * or by jemalloc's mallctl(). */
#define _GNU_SOURCE /* RUSAGE_THREAD */
#include "bench.h"
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/resource.h>

enum {
	LEVELS_MAX = 24
};

struct pause {
	double longest;
	double longest_undisturbed; /* among calls without an involuntary switch */
};

static char **blocks;
static long n_stacks;
static int n_levels;

/* --- timing -------------------------------------------------------------------------------- */

static long count_switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nivcsw;
}

/* Notes a call of malloc or free. Counts switches only if the call is longer than the longest
 * undisturbed one, so that counting costs little. */
static void note(struct pause *p, double start, long *n_switches)
{
	double ns = bench_now_ns() - start;
	long n;

	if (ns <= p->longest_undisturbed)
		return;
	n = count_switches();
	if (ns > p->longest)
		p->longest = ns;
	if (n == *n_switches)
		p->longest_undisturbed = ns;
	*n_switches = n;
}

/* --- many stacks --------------------------------------------------------------------------- */

static __thread struct pause *own_pause;
static __thread long n_switches_seen;

static void replace_block(long i)
{
	double start;

	n_switches_seen = count_switches();
	start = bench_now_ns();
	free(blocks[i]);
	note(own_pause, start, &n_switches_seen);
	n_switches_seen = count_switches();
	start = bench_now_ns();
	blocks[i] = bench_check(malloc(64));
	note(own_pause, start, &n_switches_seen);
}

/* Replaces block number `i` under a stack of its own: on each level one bit of `i` chooses one of
 * two places to call from. */
static NOINLINE void descend(long i, int level)
{
	if (level == n_levels) {
		replace_block(i);
		return;
	}
	if (i >> level & 1) {
		descend(i, level + 1);
		CALL_SITE("one");
	} else {
		descend(i, level + 1);
		CALL_SITE("the other");
	}
}

/* --- dumping ------------------------------------------------------------------------------- */

static void (*heap_profiler_dump)(const char *reason);
static int (*mallctl_)(const char *name, void *old, size_t *old_size, void *new, size_t new_size);

static void find_profiler(void)
{
	heap_profiler_dump = (void (*)(const char *))dlsym(RTLD_DEFAULT, "HeapProfilerDump");
	mallctl_ = (int (*)(const char *, void *, size_t *, void *, size_t))dlsym(RTLD_DEFAULT,
										  "mallctl");
}

static double dump(double unused)
{
	double start = bench_now_ns();

	if (heap_profiler_dump)
		heap_profiler_dump("bench");
	else if (mallctl_)
		mallctl_("prof.dump", NULL, NULL, NULL, 0);
	return bench_now_ns() - start;
}

/* --- the other thread ---------------------------------------------------------------------- */

static int is_over;
static sem_t is_warm;

static void *observe(void *pause)
{
	struct pause first = {0};
	uint32_t random = 2463534242;

	own_pause = &first;
	for (long i = 0; i < n_stacks; i++)
		descend(i, 0);
	own_pause = pause;
	sem_post(&is_warm);
	while (!__atomic_load_n(&is_over, __ATOMIC_ACQUIRE))
		descend(bench_random(&random) % n_stacks, 0);
	return NULL;
}

static double compute(double ns)
{
	double end = bench_now_ns() + ns;

	while (bench_now_ns() < end)
		;
	return ns;
}

static struct pause observe_while(double (*run)(double argument), double argument, double *out_ns)
{
	struct pause pause = {0};
	pthread_t thread;

	__atomic_store_n(&is_over, 0, __ATOMIC_RELEASE);
	if (pthread_create(&thread, NULL, observe, &pause) != 0)
		exit(1);
	sem_wait(&is_warm);
	*out_ns = run(argument);
	__atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	return pause;
}

static void print_pause(const struct pause *p, const char *end)
{
	printf("%.1f %.1f%s", p->longest / 1e3, p->longest_undisturbed / 1e3, end);
}

int main(int argc, char **argv)
{
	struct pause making = {0}, with, without;
	double ns;

	n_stacks = bench_argument(argc, argv, 1, 0);
	while (n_levels < LEVELS_MAX && 1L << n_levels < n_stacks)
		n_levels++;
	if (n_stacks < 1 || 1L << n_levels < n_stacks)
		return 2;
	find_profiler();
	sem_init(&is_warm, 0, 0);
	blocks = bench_check(calloc(n_stacks, sizeof(*blocks)));
	own_pause = &making;
	for (long i = 0; i < n_stacks; i++)
		descend(i, 0);
	with = observe_while(dump, 0, &ns);
	without = observe_while(compute, ns, &ns);
	printf("%.2f ", ns / 1e6);
	print_pause(&with, " ");
	print_pause(&without, " ");
	print_pause(&making, "\n");
	return 0;
}
