/* SPDX-License-Identifier: MIT */
/* Programs for HEAP_PROFILE_SAMPLE_INTERVAL=auto. One has two small leaks, one allocates each block
 * in a stack of its own, and one profiles two sessions. In the last one, threads allocate while the
 * interval grows and dumps are made; each dump is checked here, since there are thousands of them.
 */
#include "program.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *volatile sink;

/* --- two leaks ------------------------------------------------------------------------------- */

static NOINLINE void leak_pages(void)
{
	for (int i = 0; i < 30; i++)
		sink = malloc(4096);
}

static NOINLINE void leak_words(void)
{
	for (int i = 0; i < 345; i++)
		sink = malloc(32);
}

static NOINLINE void work(void)
{
	for (int i = 0; i < 3000; i++) {
		void *p = malloc(100 + i % 7 * 300);

		sink = p;
		free(p);
	}
}

/* argv: a reason for a dump before the leaks, or nothing. */
static int do_leaks(char **argv)
{
	void (*dump)(const char *) =
		(void (*)(const char *))dlsym(RTLD_DEFAULT, "HeapProfilerDump");

	if (argv[0] && dump)
		dump(argv[0]);
	leak_pages();
	work();
	leak_words();
	return 0;
}

/* --- many stacks ----------------------------------------------------------------------------- */

/* Each bit of the path chooses one of two return addresses, and the assembly keeps them apart. */
static NOINLINE void allocate_along(uint32_t path, int depth)
{
	if (depth == 0) {
		sink = malloc(100);
	} else if (path & 1) {
		allocate_along(path >> 1, depth - 1);
		__asm__ volatile("# right");
	} else {
		allocate_along(path >> 1, depth - 1);
		__asm__ volatile("# left");
	}
}

/* argv: how many blocks of 100 bytes. */
static int do_stacks(char **argv)
{
	for (uint32_t i = 0; i < (uint32_t)atoi(argv[0]); i++)
		allocate_along(i, 17);
	return 0;
}

/* --- two sessions ---------------------------------------------------------------------------- */

/* argv: prefix */
static int do_sessions(char **argv)
{
	void (*begin)(const char *) =
		(void (*)(const char *))dlsym(RTLD_DEFAULT, "HeapProfilerStart");
	void (*dump)(const char *) =
		(void (*)(const char *))dlsym(RTLD_DEFAULT, "HeapProfilerDump");
	void (*end)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "HeapProfilerStop");

	require(begin && dump && end, "the public functions");
	for (int i = 0; i < 2; i++) {
		begin(argv[0]);
		leak_words();
		dump("first");
		leak_words();
		dump("second");
		end();
	}
	return 0;
}

/* --- a storm --------------------------------------------------------------------------------- */

enum {
	KEPT = 200,
	DUMPS_A_FORK = 50,
	INTERVAL_OF_LAST_DUMP = 64 << 10, /* then a new session begins */
	N_SIZES = 4
};

static const size_t sizes[N_SIZES] = {1, 24, 1000, 40000};
static void (*start)(const char *prefix);
static void (*stop)(void);
static char *(*get_profile)(void);

static NOINLINE void replace(void **kept, size_t size)
{
	free(*kept);
	*kept = malloc(size);
	sink = *kept;
}

static void *allocate_on(void *argument)
{
	uint32_t n = (uint32_t)(uintptr_t)argument;
	void *kept[KEPT] = {0};

	for (;;) {
		n = n * 1103515245 + 12345;
		replace(&kept[n / 65536 % KEPT], sizes[n / 4096 % N_SIZES]);
	}
	return NULL;
}

struct counts {
	uint64_t inuse_objects, inuse_bytes, alloc_objects, alloc_bytes;
};

static int scan(const char *line, struct counts *c)
{
	int n = 0;

	sscanf(line, "%" SCNu64 ": %" SCNu64 " [%" SCNu64 ": %" SCNu64 "] @%n", &c->inuse_objects,
	       &c->inuse_bytes, &c->alloc_objects, &c->alloc_bytes, &n);
	return n;
}

static void add(struct counts *to, const struct counts *c)
{
	to->inuse_objects += c->inuse_objects;
	to->inuse_bytes += c->inuse_bytes;
	to->alloc_objects += c->alloc_objects;
	to->alloc_bytes += c->alloc_bytes;
}

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : "";
}

/* Checks one dump, and returns its interval. The text is printed if it is wrong. */
static uint64_t check_dump(const char *text)
{
	struct counts total, c, sum = {0};
	uint64_t interval = 1, said = 0, level = 0, next;
	const char *line = text;
	const char *wrong = NULL;
	int n;

	if (strncmp(line, "heap profile: ", 14) != 0 || (n = scan(line + 14, &total)) == 0)
		wrong = "no header";
	else if (strncmp(line + 14 + n, " heapprofile\n", 13) != 0 &&
		 sscanf(line + 14 + n, " heap_v2/%" SCNu64 "\n", &interval) != 1)
		wrong = "no interval";
	while (!wrong && *(line = next_line(line)) && *line != '\n') {
		if (sscanf(line, "# sample_interval: %" SCNu64, &said) == 1) {
			wrong = said != interval ? "two intervals" : NULL;
		} else if (sscanf(line, "# level: %" SCNu64, &next) == 1) {
			if (next <= level || next > 19 || UINT64_C(1) << next <= interval)
				wrong = "a level out of order";
			level = next;
		} else if (*line != '#') {
			if (scan(line, &c) == 0 || c.inuse_objects > c.alloc_objects ||
			    c.inuse_bytes > c.alloc_bytes ||
			    (c.inuse_objects == 0 && c.inuse_bytes > 0))
				wrong = "a record";
			add(&sum, &c);
		}
	}
	if (!wrong && (memcmp(&sum, &total, sizeof(sum)) != 0 || said == 0))
		wrong = "sums";
	if (!wrong && !strstr(line, "\n# end\n"))
		wrong = "no end";
	if (wrong) {
		fprintf(stderr, "%s: %s\n%.3000s", wrong, line, text);
		exit(1);
	}
	return interval;
}

static uint64_t make_and_check_dump(void)
{
	char *text = get_profile();

	require(text && text[0], "a dump");
	uint64_t interval = check_dump(text);

	free(text);
	return interval;
}

/* A child has what it inherited, and goes on from there. Its interval does not fall. */
static void check_fork(uint64_t interval)
{
	int status = 0;
	pid_t pid = fork();

	require(pid >= 0, "fork");
	if (pid == 0) {
		void *kept[KEPT] = {0};
		uint64_t first = make_and_check_dump();

		for (int i = 0; i < 20000; i++)
			replace(&kept[i % KEPT], sizes[i % N_SIZES]);
		_exit(make_and_check_dump() < first || (first > 1 && first < interval));
	}
	require(waitpid(pid, &status, 0) == pid, "the child");
	if (status != 0) {
		fprintf(stderr, "the child: status %d\n", status);
		exit(1);
	}
}

/* argv: how many threads, how many dumps, prefix. Prints how many sessions there were, and how many
 * different intervals. */
static int do_storm(char **argv)
{
	uint64_t last = 0, seen = 0;
	long n_sessions = 0;
	pthread_t thread;

	start = (void (*)(const char *))dlsym(RTLD_DEFAULT, "HeapProfilerStart");
	stop = (void (*)(void))dlsym(RTLD_DEFAULT, "HeapProfilerStop");
	get_profile = (char *(*)(void))dlsym(RTLD_DEFAULT, "GetHeapProfile");
	require(start && stop && get_profile, "the public functions");
	for (int i = 0; i < atoi(argv[0]); i++)
		pthread_create(&thread, NULL, allocate_on, (void *)(uintptr_t)i);
	for (long i = 0; i < atol(argv[1]); i++) {
		if (last == 0) {
			start(argv[2]);
			n_sessions++;
		}
		uint64_t interval = make_and_check_dump();

		require(interval >= last, "an interval that grows");
		last = interval;
		seen |= interval;
		if (i % DUMPS_A_FORK == 0)
			check_fork(interval);
		if (interval >= INTERVAL_OF_LAST_DUMP) {
			stop();
			last = 0;
		}
	}
	if (last == 0)
		start(argv[2]); /* for the dump at exit */
	printf("%ld %d\n", n_sessions, __builtin_popcountll(seen));
	return 0;
}

const struct command commands[] = {
	{"leaks", do_leaks}, {"stacks", do_stacks}, {"sessions", do_sessions},
	{"storm", do_storm}, {NULL, NULL},
};
