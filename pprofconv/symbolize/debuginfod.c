/* SPDX-License-Identifier: MIT */
#include "symbolize/debuginfod.h"

#include <dlfcn.h>
#include <stddef.h>
#include <unistd.h>

struct client;

/* The type of debuginfod_find_executable() and debuginfod_find_debuginfo(). A length of 0 means
 * that the build ID is text. The result is an open descriptor, or a negative number on failure. */
typedef int find_function(struct client *client, const unsigned char *build_id, int length,
			  char **out_path);

struct library {
	struct client *(*begin)(void);
	void (*end)(struct client *client);
	find_function *find[2]; /* by kind */
};

static const struct library *load_library(void)
{
	static struct library library;
	void *handle;

	if (library.begin)
		return &library;
	handle = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return NULL;
	library.end = dlsym(handle, "debuginfod_end");
	library.find[DEBUGINFOD_EXECUTABLE] = dlsym(handle, "debuginfod_find_executable");
	library.find[DEBUGINFOD_DEBUGINFO] = dlsym(handle, "debuginfod_find_debuginfo");
	if (library.end && library.find[0] && library.find[1])
		library.begin = dlsym(handle, "debuginfod_begin");
	return library.begin ? &library : NULL;
}

int debuginfod_fetch(const char *build_id, enum debuginfod_kind kind, char **out_path)
{
	const struct library *library = load_library();
	struct client *client = library ? library->begin() : NULL;
	int fd;

	if (!client)
		return DEBUGINFOD_E_NONE;
	fd = library->find[kind](client, (const unsigned char *)build_id, 0, out_path);
	library->end(client);
	if (fd < 0)
		return DEBUGINFOD_E_NONE;
	close(fd);
	return 0;
}
