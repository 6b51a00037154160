/* SPDX-License-Identifier: MIT */
/* A program that profiles itself by the calls of gperftools and by ours. argv[1] names the
 * command. */
#include "program.h"

#include "heapprof.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static __thread void *volatile sink; /* per thread, because each thread frees its own block */

static NOINLINE void allocate_before(void)
{
	sink = malloc(1000);
}

static NOINLINE void allocate_while_running(void)
{
	sink = malloc(2000);
}

static NOINLINE void allocate_after(void)
{
	sink = malloc(3000);
}

/* argv: prefix */
static int do_calls(char **argv)
{
	void *old;
	char *text;

	allocate_before();
	old = sink;
	require(!IsHeapProfilerRunning(), "not running at first");
	text = GetHeapProfile();
	require(text && text[0] == '\0', "no profile while not running");
	free(text);
	HeapProfilerDump("ignored");
	HeapProfilerStop();
	HeapProfilerStart("");
	require(!IsHeapProfilerRunning(), "no prefix, no start");
	heapprof_set_sample_interval(1);
	require(heapprof_sample_interval() == 1, "the interval from the next start on");
	HeapProfilerStart(argv[0]);
	require(IsHeapProfilerRunning(), "running");
	HeapProfilerStart("/nowhere/else");
	heapprof_set_sample_interval(4096);
	require(heapprof_sample_interval() == 1, "a session has one interval");
	allocate_while_running();
	free(old); /* allocated before the session */
	text = GetHeapProfile();
	require(text && strncmp(text, "heap profile:", 13) == 0, "a profile");
	printf("%s", text);
	free(text);
	HeapProfilerDump("first");
	HeapProfilerDump("second");
	HeapProfilerStop();
	require(!IsHeapProfilerRunning(), "stopped");
	allocate_after();
	HeapProfilerDump("ignored");
	free(sink);
	return 0;
}

/* argv: prefix */
static int do_sessions(char **argv)
{
	heapprof_set_sample_interval(1);
	for (int i = 0; i < 3; i++) {
		HeapProfilerStart(argv[0]);
		allocate_while_running();
		HeapProfilerDump("session");
		HeapProfilerStop();
		free(sink);
	}
	return 0;
}

/* Puts a file of its own in the place of the dump that would be removed next. argv: prefix */
static int do_replaced_dump(char **argv)
{
	char path[4096];
	FILE *file;

	HeapProfilerStart(argv[0]);
	for (int i = 0; i < 3; i++)
		HeapProfilerDump("kept");
	snprintf(path, sizeof(path), "%s.0002.heap", argv[0]);
	require(remove(path) == 0, "a dump is there");
	file = fopen(path, "w");
	require(file && fputs("mine", file) > 0 && fclose(file) == 0, "write");
	for (int i = 0; i < 2; i++)
		HeapProfilerDump("expiring");
	HeapProfilerStop();
	return 0;
}

/* Stops the session that the environment has started. */
static int do_stop(char **argv)
{
	require(IsHeapProfilerRunning(), "running");
	allocate_while_running();
	HeapProfilerStop();
	return 0;
}

static int do_stop_twice(char **argv)
{
	HeapProfilerDump("of the first session");
	HeapProfilerStop();
	HeapProfilerStart(argv[0]);
	return do_stop(argv);
}

/* Has HeapProfilerDump() called by the C library instead of by code of the program: here as the
 * start function of a thread. A signal handler that jumps to it at its end, instead of calling it,
 * looks the same to the profiler. argv: prefix */
static int do_callback(char **argv)
{
	pthread_t thread;
	void *(*start)(void *) = (void *(*)(void *))(void *)HeapProfilerDump;

	HeapProfilerStart(argv[0]);
	require(pthread_create(&thread, NULL, start, "callback") == 0, "a thread");
	require(pthread_join(thread, NULL) == 0, "its end");
	HeapProfilerStop();
	return 0;
}

/* argv: prefix */
static int do_no_memory(char **argv)
{
	static const struct rlimit none;

	HeapProfilerStart(argv[0]);
	require(setrlimit(RLIMIT_AS, &none) == 0, "a limit");
	HeapProfilerDump("no memory");
	HeapProfilerStop();
	return 0;
}

static volatile pid_t forked;

static void fork_in_handler(int signal)
{
	forked = fork();
}

/* Forks in a signal handler. The signal arrives while a dump is written and is handled when the
 * dump ends; the child returns from the handler. argv: prefix */
static int do_fork_in_handler(char **argv)
{
	static const struct itimerval soon = {.it_value = {.tv_usec = 100}};

	signal(SIGALRM, fork_in_handler);
	HeapProfilerStart(argv[0]);
	for (int i = 0; i < 20; i++) {
		int status;

		forked = -1;
		setitimer(ITIMER_REAL, &soon, NULL);
		HeapProfilerDump("interrupted");
		while (forked == -1)
			;
		if (forked == 0)
			_exit(0);
		require(waitpid(forked, &status, 0) == forked && status == 0, "the child's end");
	}
	HeapProfilerStop();
	return 0;
}

static int do_statistics(char **argv)
{
	struct heapprof_statistics s;
	uint64_t allocated;
	unsigned char small[sizeof(s.allocated_bytes) + 8];

	heapprof_set_sample_interval(1);
	HeapProfilerStart(argv[0]);
	for (int i = 0; i < 1000; i++) {
		sink = malloc(1000);
		if (i % 2)
			free(sink);
	}
	heapprof_get_statistics(&s, sizeof(s));
	require(s.allocated_bytes >= 1000000, "allocated");
	require(s.inuse_bytes >= 500000 && s.inuse_bytes < 520000, "in use");
	require(s.freed_bytes >= 500000 && s.freed_bytes < 520000, "freed");
	require(s.samples >= 1000 && s.samples_dropped == 0, "samples");
	require(s.profiler_bytes > 100000, "profiler");
	memset(small, 0xa5, sizeof(small));
	heapprof_get_statistics((void *)small, 8);
	for (int i = 8; i < 16; i++)
		require(small[i] == 0xa5, "no more than asked for");
	require(strlen(heapprof_version()) >= 5, "version");
	HeapProfilerStop();
	HeapProfilerStart(argv[0]);
	allocate_while_running();
	heapprof_get_statistics(&s, sizeof(s));
	require(s.allocated_bytes >= 2000 && s.allocated_bytes < 20000, "allocated since");
	require(s.inuse_bytes >= 2000 && s.inuse_bytes < 20000 && s.freed_bytes < 20000,
		"in use since");
	allocated = s.allocated_bytes;
	HeapProfilerStop();
	allocate_while_running();
	heapprof_get_statistics(&s, sizeof(s));
	require(s.allocated_bytes == allocated, "allocated in the last session");
	return 0;
}

static int stop;

static void *allocate_all_the_time(void *unused)
{
	void *blocks[64] = {NULL};

	for (unsigned i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
		free(blocks[i % 64]);
		blocks[i % 64] = malloc(i % 1000);
		blocks[i % 64] = realloc(blocks[i % 64], i % 3000 + 1);
	}
	for (int i = 0; i < 64; i++)
		free(blocks[i]);
	return NULL;
}

static void *read_all_the_time(void *unused)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		char *text = GetHeapProfile();
		size_t size = text ? strlen(text) : 0;

		require(size == 0 || (size > 6 && strcmp(text + size - 6, "# end\n") == 0),
			"a whole profile");
		free(text);
	}
	return NULL;
}

/* Runs one session after another while four threads allocate and one reads profiles. argv: prefix,
 * number of sessions */
static int do_storm(char **argv)
{
	pthread_t threads[5];
	int n = atoi(argv[1]);

	for (int i = 0; i < 5; i++)
		pthread_create(&threads[i], NULL, i < 4 ? allocate_all_the_time : read_all_the_time,
			       NULL);
	for (int i = 0; i < n; i++) {
		HeapProfilerStart(argv[0]);
		for (int j = 0; j < 1000; j++) {
			sink = malloc(j);
			free(sink);
		}
		if (i % 10 == 0)
			HeapProfilerDump("storm");
		HeapProfilerStop();
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 5; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

const struct command commands[] = {
	{"calls", do_calls},
	{"sessions", do_sessions},
	{"replaced-dump", do_replaced_dump},
	{"stop", do_stop},
	{"stop-twice", do_stop_twice},
	{"statistics", do_statistics},
	{"storm", do_storm},
	{"callback", do_callback},
	{"fork-in-handler", do_fork_in_handler},
	{"no-memory", do_no_memory},
	{NULL, NULL},
};
