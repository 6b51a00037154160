/* SPDX-License-Identifier: MIT */
/* Lets a program that tells valgrind about its pools tell heapprof as well: see heapprof_pool(3).
 * Include it after <valgrind/memcheck.h> or <valgrind/valgrind.h>, in the files that use these
 * macros:
 *
 *	VALGRIND_CREATE_MEMPOOL    nothing to report
 *	VALGRIND_MEMPOOL_ALLOC     an object
 *	VALGRIND_MEMPOOL_FREE      its end
 *	VALGRIND_MEMPOOL_CHANGE    its end, and the object in its place
 *	VALGRIND_DESTROY_MEMPOOL   the end of all objects
 *
 * Under valgrind the macros do what they did. VALGRIND_MEMPOOL_TRIM and VALGRIND_MOVE_MEMPOOL are
 * left as they are. Pools have no names: stacks say whose objects they are. */
#ifndef HEAPPROF_MEMPOOL_H
#define HEAPPROF_MEMPOOL_H

#include <heapprof_pool.h>

#ifndef VALGRIND_DO_CLIENT_REQUEST_STMT
#error "include <valgrind/valgrind.h> or <valgrind/memcheck.h> first"
#endif

__attribute__((unused)) static const struct heapprof_pool_class heapprof_mempools = {
	sizeof(heapprof_mempools), "mempool", NULL, 0, NULL};

#undef VALGRIND_MEMPOOL_ALLOC
#define VALGRIND_MEMPOOL_ALLOC(pool, object, size)                                                \
	do {                                                                                      \
		VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__MEMPOOL_ALLOC, pool, object, size, 0, \
						0);                                               \
		heapprof_pool_alloc(&heapprof_mempools, (const void *)(pool), (void *)(object),   \
				    (size_t)(size));                                              \
	} while (0)

#undef VALGRIND_MEMPOOL_FREE
#define VALGRIND_MEMPOOL_FREE(pool, object)                                                       \
	do {                                                                                      \
		heapprof_pool_free((void *)(object));                                             \
		VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__MEMPOOL_FREE, pool, object, 0, 0, 0); \
	} while (0)

#undef VALGRIND_MEMPOOL_CHANGE
#define VALGRIND_MEMPOOL_CHANGE(pool, old, object, size)                                        \
	do {                                                                                    \
		VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__MEMPOOL_CHANGE, pool, old, object,  \
						size, 0);                                       \
		heapprof_pool_free((void *)(old));                                              \
		heapprof_pool_alloc(&heapprof_mempools, (const void *)(pool), (void *)(object), \
				    (size_t)(size));                                            \
	} while (0)

#undef VALGRIND_DESTROY_MEMPOOL
#define VALGRIND_DESTROY_MEMPOOL(pool)                                                          \
	do {                                                                                    \
		heapprof_pool_reset((const void *)(pool));                                      \
		VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__DESTROY_MEMPOOL, pool, 0, 0, 0, 0); \
	} while (0)

#endif
