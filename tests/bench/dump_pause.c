/* SPDX-License-Identifier: MIT */
/* What a dump costs, and whom. N_STACKS different stacks have a block in use. Then one thread dumps
 * while another goes on allocating under all of these stacks and times each malloc and free. It has
 * been under each of them once: a thread's first calls are slow by themselves, as memory for it is
 * had for the first time. Such a thread for the same time without a dump shows what the machine
 * does by itself.
 *
 *	dump_pause N_STACKS N_DUMPS
 *
 * Prints milliseconds of the fastest dump, then microseconds of the longest call: during a dump;
 * during a dump, but for calls in which the kernel took the processor away; the same two without a
 * dump; and those of the thread that made the stacks, as the tables grew. The profiler is whichever
 * is there: HeapProfilerDump(), or jemalloc's mallctl(). */
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
	double longest_undisturbed; /* of the calls without an involuntary switch */
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

/* Looks at the switches only where a call was longer than all before, so that looking costs little.
 */
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

static struct pause *observer; /* of this thread's calls */
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

/* The bits of `i` choose one of two places to call from on each level: a stack for each number. */
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

static double dump_ns(void)
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

static void sleep_ns(double ns)
{
	struct timespec t = {.tv_sec = ns / 1e9, .tv_nsec = (long)ns % 1000000000};

	nanosleep(&t, NULL);
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

static double run_dumps(double n_dumps)
{
	double least = 1e18, total = 0;

	for (int i = 0; i < n_dumps; i++) {
		double ns = dump_ns();

		total += ns;
		if (ns < least)
			least = ns;
		sleep_ns(1e6);
	}
	observer->longest = total; /* for the run without dumps */
	return least;
}

static double run_nothing(double ns)
{
	sleep_ns(ns);
	return ns;
}

static void print_pause(const struct pause *p, const char *end)
{
	printf("%.1f %.1f%s", p->longest / 1e3, p->longest_undisturbed / 1e3, end);
}

int main(int argc, char **argv)
{
	struct pause making = {0}, total = {0}, with, without;
	double dump, nothing;
	long n_dumps = bench_argument(argc, argv, 2, 5);

	n_stacks = bench_argument(argc, argv, 1, 0);
	while (n_levels < LEVELS_MAX && 1L << n_levels < n_stacks)
		n_levels++;
	if (n_stacks < 1 || 1L << n_levels < n_stacks)
		return 2;
	find_profiler();
	sem_init(&is_warm, 0, 0);
	observer = &total;
	blocks = bench_check(calloc(n_stacks, sizeof(*blocks)));
	own_pause = &making;
	for (long i = 0; i < n_stacks; i++)
		descend(i, 0);
	with = observe_while(run_dumps, n_dumps, &dump);
	without = observe_while(run_nothing, total.longest + n_dumps * 1e6, &nothing);
	printf("%.2f ", dump / 1e6);
	print_pause(&with, " ");
	print_pause(&without, " ");
	print_pause(&making, "\n");
	return 0;
}
