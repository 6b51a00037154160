/* SPDX-License-Identifier: MIT */
/* A library that tests open and close. It is built several times, each time with another NAME, with
 * which the name of the inner function begins. All builds have about the same size, so that one is
 * loaded where another was. */
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
	char room[FRAME_SIZE]; /* the same address needs another unwind rule in each library */

	sink = room;
#endif
	void *p = malloc(size);

	sink = NULL; /* prevents a tail call */
	return p;
}

PLUGIN_ENTRY void *plugin_allocate(size_t size);
PLUGIN_ENTRY void *plugin_allocate(size_t size)
{
	void *p = INNER(size);

	sink = NULL; /* prevents a tail call */
	return p;
}
