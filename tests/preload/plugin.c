/* SPDX-License-Identifier: MIT */
/* A library to be opened and closed. NAME makes each one's functions its own; it is built several
 * times, to about the same size, so that one is loaded where another was. */
#include <stdlib.h>

#define PASTE(a, b)  a##b
#define JOIN(a, b)   PASTE(a, b)
#define INNER        JOIN(NAME, _inner)
#define NOINLINE     __attribute__((noinline))
#define PLUGIN_ENTRY __attribute__((visibility("default")))

static void *volatile sink;

NOINLINE void *INNER(size_t size);
NOINLINE void *INNER(size_t size)
{
#ifdef FRAME_SIZE
	char room[FRAME_SIZE]; /* the same address needs another rule */

	sink = room;
#endif
	void *p = malloc(size);

	sink = NULL; /* no tail call */
	return p;
}

PLUGIN_ENTRY void *plugin_allocate(size_t size);
PLUGIN_ENTRY void *plugin_allocate(size_t size)
{
	void *p = INNER(size);

	sink = NULL; /* no tail call */
	return p;
}
