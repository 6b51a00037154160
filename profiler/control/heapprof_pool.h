/* SPDX-License-Identifier: MIT */
/* A pool is an arena of the program's own: it takes blocks from malloc, and hands out objects that
 * are parts of them. By these functions a program, or an adaptor for a library, reports the objects
 * to heapprof. A profile then shows who allocated them and in which pool, and no longer the
 * function that happened to need a new block.
 *
 * The header needs no library. If libheapprof is not loaded, a call is one test of a pointer. See
 * heapprof_pool(3).
 *
 * A pool is any address that is the pool's alone while it has objects; it need not be created or
 * registered. All functions may be called from any thread; none is to be called from a signal
 * handler. */
#ifndef HEAPPROF_POOL_H
#define HEAPPROF_POOL_H

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A class is a kind of pools. It is static: it must exist as long as the program reports objects of
 * such pools. */
struct heapprof_pool_class {
	size_t struct_size; /* sizeof(struct heapprof_pool_class) */
	const char *kind;   /* a word of up to 31 letters, digits, '_', '-' and '.' */

	/* Writes the name of `pool`, of at most `size` bytes, and returns its length. The name may
	 * begin with the names of the pools that contain it: "Top/Cache/Plan". It is called only
	 * for sampled objects, in the call that reports them, and must not allocate. NULL: the
	 * pools have no names. */
	size_t (*describe)(const void *pool, char *name, size_t size);

	/* The number of innermost frames to leave out of stacks: those of the adaptor itself. */
	unsigned skip;

	/* Ranges of code that calls malloc for pools: start, end, start, end, ..., 0; at most eight
	 * ranges. A block with one of them among its innermost four frames is a pool's block. In
	 * the first range, it is a block of the pool given to heapprof_pool_enter(). NULL: there
	 * are none. */
	const uintptr_t *block_code;
};

/* What libheapprof offers. Use the functions below. */
struct heapprof_pools {
	size_t struct_size;
	void (*add_class)(const struct heapprof_pool_class *pool_class);
	void (*on_alloc)(const struct heapprof_pool_class *pool_class, const void *pool,
			 void *object, size_t size);
	void (*on_free)(void *object);
	void (*on_reset)(const void *pool);
	void (*on_block)(const struct heapprof_pool_class *pool_class, const void *pool,
			 void *block, size_t size);
	void (*on_enter)(const struct heapprof_pool_class *pool_class, const void *pool);
	/* A byte for each page of addresses, modulo 2^18: 0 if there is no sampled object. */
	const uint8_t *object_filter;
	/* A byte for each 64 bytes of addresses, modulo 2^16: 0 if no pool has a sampled object. */
	const uint8_t *pool_filter;
};

/* One variable for each program or library. NULL: libheapprof is not loaded. */
__attribute__((weak, visibility("hidden"))) const struct heapprof_pools *heapprof_pools_found;

/* Define HEAPPROF_POOL_FIND_LATER before this header to do nothing when the program or library is
 * loaded. */
#ifdef HEAPPROF_POOL_FIND_LATER
#define HEAPPROF_POOL_FINDER __attribute__((unused))
#else
#define HEAPPROF_POOL_FINDER __attribute__((constructor, unused))
#endif

/* Looks for libheapprof. This is done when the program or library is loaded; call it again if
 * libheapprof may have been loaded since. */
HEAPPROF_POOL_FINDER static void heapprof_pools_find(void)
{
	const struct heapprof_pools *(*get)(void);
	const struct heapprof_pools *found = NULL;

	if (heapprof_pools_found)
		return;
	*(void **)&get = dlsym(RTLD_DEFAULT, "heapprof_pools");
	if (get)
		found = get();
	if (found && found->struct_size >= sizeof(*found))
		heapprof_pools_found = found;
}

/* Inlined in any build, so that `skip` counts the adaptor's own functions alone. */
#define HEAPPROF_POOL_INLINE static inline __attribute__((always_inline, unused))

/* Returns non-zero if libheapprof is loaded. */
HEAPPROF_POOL_INLINE int heapprof_pool_is_seen(void)
{
	return __builtin_expect(heapprof_pools_found != NULL, 0) != 0;
}

/* Makes a class known. Needed only if it has `block_code`: other classes become known with their
 * first object. */
HEAPPROF_POOL_INLINE void heapprof_pool_add_class(const struct heapprof_pool_class *pool_class)
{
	if (heapprof_pool_is_seen())
		heapprof_pools_found->add_class(pool_class);
}

/* Call it after the pool has handed out an object. If the address is still known, from an object
 * whose end was not reported, the new object takes its place. */
HEAPPROF_POOL_INLINE void heapprof_pool_alloc(const struct heapprof_pool_class *pool_class,
					      const void *pool, void *object, size_t size)
{
	if (heapprof_pool_is_seen())
		heapprof_pools_found->on_alloc(pool_class, pool, object, size);
}

/* Call it before an object goes back to its pool. Before a realloc, call this; after it, call
 * heapprof_pool_alloc(). Any address may be given, also NULL. */
HEAPPROF_POOL_INLINE void heapprof_pool_free(void *object)
{
	if (heapprof_pool_is_seen() &&
	    heapprof_pools_found->object_filter[(uintptr_t)object >> 12 & ((1 << 18) - 1)])
		heapprof_pools_found->on_free(object);
}

/* Call it before all objects of a pool go: before a reset, and before the pool itself goes. A pool
 * that contains others is reset alone: call it for each of them. */
HEAPPROF_POOL_INLINE void heapprof_pool_reset(const void *pool)
{
	if (heapprof_pool_is_seen() &&
	    heapprof_pools_found->pool_filter[(uintptr_t)pool >> 6 & ((1 << 16) - 1)])
		heapprof_pools_found->on_reset(pool);
}

/* Call it after a pool has got a block from malloc. The block then counts as the pool's. */
HEAPPROF_POOL_INLINE void heapprof_pool_block(const struct heapprof_pool_class *pool_class,
					      const void *pool, void *block, size_t size)
{
	if (heapprof_pool_is_seen())
		heapprof_pools_found->on_block(pool_class, pool, block, size);
}

/* Says for which pool the first range of `block_code` calls malloc from now on, in this thread. */
HEAPPROF_POOL_INLINE void heapprof_pool_enter(const struct heapprof_pool_class *pool_class,
					      const void *pool)
{
	if (heapprof_pool_is_seen())
		heapprof_pools_found->on_enter(pool_class, pool);
}

#ifdef __cplusplus
}
#endif
#endif
