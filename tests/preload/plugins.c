/* SPDX-License-Identifier: MIT */
/* A program that opens and closes libraries. argv[1] names the command; for most commands argv[2]
 * is the folder of the tests' libraries. */
#include "program.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *folder;
static int n_plugins = 4, seconds;
static int stop;
static unsigned long n_allocated;
static struct timespec end_of_storm;
static __thread void *volatile sink; /* per thread, because each thread frees its own block */

static void *open_plugin(const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/lib%s.so", folder, name);
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		printf("%s\n", dlerror());
	require(handle != NULL, "dlopen");
	return handle;
}

static void *open_number(int i)
{
	char name[32];

	snprintf(name, sizeof(name), "plugin_%c", 'a' + i % n_plugins);
	return open_plugin(name);
}

static NOINLINE void allocate_through(void *handle, int n, int free_them)
{
	void *(*allocate)(size_t) = (void *(*)(size_t))dlsym(handle, "plugin_allocate");

	for (int i = 0; i < n; i++) {
		sink = allocate(100);
		if (free_them)
			free(sink);
	}
}

/* Closes each library before it opens the next one, so that all are loaded at the same place. */
static int do_one_after_another(char **argv)
{
	void *handle = NULL;

	folder = argv[0];
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < n_plugins; i++) {
			if (handle)
				dlclose(handle);
			handle = open_number(i);
			allocate_through(handle, 10 * (i + 1), 0);
		}
	return 0; /* the last one is still open */
}

/* Maps the page of `code`, so that the next library is not loaded there. */
static void occupy(void *code)
{
	size_t page = (size_t)code & -(size_t)4096;

	require(mmap((void *)page, 4096, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == (void *)page,
		"the page of a closed library is free");
}

/* Opens a library n times, each time at another address, and allocates one block through it each
 * time. */
static NOINLINE void open_at_places(const char *name, int n)
{
	for (int i = 0; i < n; i++) {
		void *handle = open_plugin(name);
		void *code = dlsym(handle, "plugin_allocate");

		allocate_through(handle, 1, 0);
		dlclose(handle);
		occupy(code);
	}
}

/* argv: folder, name of a library, how many times to open it. A child opens it ten more times. */
static int do_many_places(char **argv)
{
	pid_t child = 0;
	int status, n = atoi(argv[2]);

	folder = argv[0];
	for (int generation = 0; generation < 2 && child == 0; generation++) {
		open_at_places(argv[1], n);
		if (generation == 0)
			child = fork();
		n = 10;
	}
	if (child != 0)
		require(waitpid(child, &status, 0) == child && status == 0, "the child ends well");
	return 0;
}

/* Opens x.so from the working directory, renames y.so to x.so, and opens that, too. No
 * arguments. */
static int do_replaced(char **argv)
{
	void *old = dlopen("./x.so", RTLD_NOW | RTLD_LOCAL);

	allocate_through(old, 10, 0);
	require(rename("y.so", "x.so") == 0, "rename");
	void *new = dlopen("././x.so", RTLD_NOW | RTLD_LOCAL); /* a name new to the loader */

	require(new &&new != old, "dlopen");
	allocate_through(new, 20, 0);
	return 0;
}

static void *open_and_close(void *seed)
{
	for (unsigned i = (unsigned)(size_t)seed; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++)
		dlclose(open_number(i));
	return NULL;
}

static int allocate_in_callback(struct dl_phdr_info *info, size_t size, void *context)
{
	void *p = malloc(50);

	sink = p;
	free(p);
	return 0;
}

static void *iterate(void *unused)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		dl_iterate_phdr(allocate_in_callback, NULL);
	return NULL;
}

static int is_time_over(unsigned n_rounds)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return seconds ? now.tv_sec >= end_of_storm.tv_sec : n_rounds >= 400;
}

static NOINLINE void *storm_thread(void *seed)
{
	for (unsigned i = 0; !is_time_over(i); i++) {
		void *handle = open_number(i + (unsigned)(size_t)seed);

		allocate_through(handle, 10, 1);
		dlclose(handle);
		__atomic_add_fetch(&n_allocated, 10, __ATOMIC_RELAXED);
	}
	return NULL;
}

enum {
	N_CLOSERS = 4,
	N_ITERATORS = 2,
	N_ALLOCATORS = 4,
};

/* argv: folder, number of libraries, seconds. Without the last two, each thread runs 400 rounds. */
static int do_storm(char **argv)
{
	pthread_t others[N_CLOSERS + N_ITERATORS], allocators[N_ALLOCATORS];

	folder = argv[0];
	if (argv[1]) {
		n_plugins = atoi(argv[1]);
		seconds = atoi(argv[2]);
	}
	clock_gettime(CLOCK_MONOTONIC, &end_of_storm);
	end_of_storm.tv_sec += seconds;
	for (size_t i = 0; i < N_CLOSERS + N_ITERATORS; i++)
		pthread_create(&others[i], NULL, i < N_CLOSERS ? open_and_close : iterate,
			       (void *)i);
	for (size_t i = 0; i < N_ALLOCATORS; i++)
		pthread_create(&allocators[i], NULL, storm_thread, (void *)i);
	for (int i = 0; i < N_ALLOCATORS; i++)
		pthread_join(allocators[i], NULL);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < N_CLOSERS + N_ITERATORS; i++)
		pthread_join(others[i], NULL);
	printf("%lu\n", n_allocated);
	return 0;
}

static int do_throw(char **argv)
{
	folder = argv[0];
	for (int i = 0; i < 3; i++) {
		void *handle = open_plugin("plugin_cxx");
		int (*throw_some)(int) = (int (*)(int))dlsym(handle, "plugin_throw");

		require(throw_some(200), "exceptions are caught where they should be");
		dlclose(handle);
	}
	return 0;
}

static void *allocate_once(void *unused)
{
	sink = malloc(10);
	free(sink);
	return NULL;
}

/* Opens the profiler and closes it. Later, when a thread ends and when the process ends, the C
 * library still calls what the profiler has registered with it. argv: the profiler's library, or
 * one that is linked with it; then a prefix for a session, or nothing */
static int do_profiler(char **argv)
{
	const char *prefix = argv[1];
	void *handle = dlopen(argv[0], RTLD_NOW | RTLD_LOCAL);
	pthread_t thread;

	require(handle != NULL, "dlopen");
	void (*start)(const char *) = (void (*)(const char *))dlsym(handle, "HeapProfilerStart");
	void (*end)(void) = (void (*)(void))dlsym(handle, "HeapProfilerStop");
	void *(*allocate)(size_t) = (void *(*)(size_t))dlsym(handle, "malloc");

	require(start && end && allocate, "dlsym");
	if (prefix) {
		start(prefix);
		sink = allocate(100000);
		end();
	}
	require(dlclose(handle) == 0, "dlclose");
	require(pthread_create(&thread, NULL, allocate_once, NULL) == 0, "pthread_create");
	pthread_join(thread, NULL);
	return 0;
}

static NOINLINE void allocate_three(void)
{
	for (int i = 0; i < 3; i++)
		sink = malloc(1000);
}

/* Opens a library in a new namespace of the loader, so its malloc() belongs to another copy of the
 * C library. */
static int do_namespace(char **argv)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/libplugin_a.so", argv[0]);
	void *handle = dlmopen(LM_ID_NEWLM, path, RTLD_NOW);

	require(handle != NULL, "dlmopen");
	allocate_through(handle, 1000, 0);
	allocate_three();
	return 0;
}

/* Opens a library that prefers the names of its own dependencies. That library's malloc() is the C
 * library's instead of ours. The program frees its blocks. */
static int do_deepbind(char **argv)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/libplugin_a.so", argv[0]);
	void *handle = dlopen(path, RTLD_NOW | RTLD_DEEPBIND);

	require(handle != NULL, "dlopen");
	allocate_through(handle, 1000, 1);
	allocate_three();
	return 0;
}

const struct command commands[] = {
	{"one-after-another", do_one_after_another},
	{"storm", do_storm},
	{"many-places", do_many_places},
	{"replaced", do_replaced},
	{"throw", do_throw},
	{"profiler", do_profiler},
	{"namespace", do_namespace},
	{"deepbind", do_deepbind},
	{NULL, NULL},
};
