/* SPDX-License-Identifier: MIT */
/* Opens and closes libraries. argv[1]: the folder they lie in; argv[2]: what to do. */
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

enum {
	N_PLUGINS = 4
};

static const char *folder;
static int stop;
static __thread void *volatile sink; /* of each thread: it frees what is there */

static void require(int condition, const char *what)
{
	if (condition)
		return;
	printf("failed: %s\n", what);
	fflush(stdout);
	_Exit(99);
}

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

	snprintf(name, sizeof(name), "plugin_%c", 'a' + i % N_PLUGINS);
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

/* Each is closed before the next is opened, so that they lie at the same place in turn. */
static int do_one_after_another(void)
{
	void *handle = NULL;

	for (int round = 0; round < 3; round++)
		for (int i = 0; i < N_PLUGINS; i++) {
			if (handle)
				dlclose(handle);
			handle = open_number(i);
			allocate_through(handle, 10 * (i + 1), 0);
		}
	return 0; /* the last one is still open */
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

static NOINLINE void *storm_thread(void *seed)
{
	for (unsigned i = 0; i < 400; i++) {
		void *handle = open_number(i + (unsigned)(size_t)seed);

		allocate_through(handle, 10, 1);
		dlclose(handle);
	}
	return NULL;
}

static int do_storm(void)
{
	pthread_t closers[3], allocators[4];

	for (size_t i = 0; i < 3; i++)
		pthread_create(&closers[i], NULL, i < 2 ? open_and_close : iterate, (void *)i);
	for (size_t i = 0; i < 4; i++)
		pthread_create(&allocators[i], NULL, storm_thread, (void *)i);
	for (int i = 0; i < 4; i++)
		pthread_join(allocators[i], NULL);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 3; i++)
		pthread_join(closers[i], NULL);
	return 0;
}

static int do_throw(void)
{
	for (int i = 0; i < 3; i++) {
		void *handle = open_plugin("plugin_cxx");
		int (*throw_some)(int) = (int (*)(int))dlsym(handle, "plugin_throw");

		require(throw_some(200), "exceptions are caught where they should be");
		dlclose(handle);
	}
	return 0;
}

int main(int argc, char **argv)
{
	folder = argv[1];
	if (strcmp(argv[2], "one-after-another") == 0)
		return do_one_after_another();
	if (strcmp(argv[2], "storm") == 0)
		return do_storm();
	return strcmp(argv[2], "throw") == 0 ? do_throw() : 98;
}
