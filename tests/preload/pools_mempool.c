/* SPDX-License-Identifier: MIT */
/* A program that tells valgrind about its pool, and by the same macros heapprof. */
#include <valgrind/memcheck.h>

#include "adaptors/heapprof_mempool.h"

#include <stdlib.h>

static char *arena;
static size_t used;

__attribute__((noinline)) static void *take(size_t size)
{
	char *object = arena + used;

	used += size + 16;
	VALGRIND_MEMPOOL_ALLOC(arena, object, size);
	return object;
}

int main(void)
{
	char *other = malloc(100);

	arena = malloc(1 << 20);
	VALGRIND_CREATE_MEMPOOL(arena, 0, 0);
	VALGRIND_CREATE_MEMPOOL(other, 0, 0);
	for (int i = 0; i < 100; i++)
		take(1000);
	VALGRIND_MEMPOOL_FREE(arena, arena);
	VALGRIND_MEMPOOL_CHANGE(arena, arena + 1016, arena + 1016, 900);
	VALGRIND_MEMPOOL_ALLOC(other, other, 64);
	VALGRIND_DESTROY_MEMPOOL(other);
	return 0;
}
