/* SPDX-License-Identifier: MIT */
/* The hooks for every name by which a program allocates or frees heap memory, except operator new
 * and delete, which are in interpose_cxx.c. hooks.h describes how hooks work.
 *
 * malloc and free call no other function of the allocator, so an attached session needs nothing
 * around them. The others may: realloc(NULL, n) is a malloc in most allocators. */
#include "hooks/hooks.h"
#include "hooks/next_alloc.h"
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

__attribute__((used)) static const char *const other_files[] = {&hp_hooks_of_process,
								&hp_hooks_of_exit};

/* --- slow paths ---------------------------------------------------------------------------- */

enum entry {
	MALLOC,
	CALLOC,
	ALIGNED_ALLOC,
	MEMALIGN,
	VALLOC,
	PVALLOC
};

static inline void *forward(enum entry entry, size_t a, size_t b)
{
	switch (entry) {
	case CALLOC:
		return hp_next.calloc(a, b);
	case ALIGNED_ALLOC:
		return hp_next.aligned_alloc(a, b);
	case MEMALIGN:
		return hp_next.memalign(a, b);
	case VALLOC:
		return hp_next.valloc(a);
	case PVALLOC:
		return hp_next.pvalloc(a);
	case MALLOC:
		break;
	}
	return hp_next.malloc(a);
}

static inline void *forward_held(enum entry entry, size_t a, size_t b)
{
	void *p;

	hook_hold();
	p = forward(entry, a, b);
	hook_release();
	return p;
}

static inline void *allocate(enum entry entry, size_t a, size_t b, size_t size,
			     const struct hp_site *site)
{
	void *p;

	if (!hook_begin())
		return forward(entry, a, b);
	p = forward(entry, a, b);
	hook_end_allocation(p, size, site);
	return p;
}

SLOW void *allocate_slow(enum entry entry, size_t a, size_t b, size_t size)
{
	struct hp_site site = HP_SITE_OF_CALLER();

	return allocate(entry, a, b, size, &site);
}

SLOW int posix_memalign_slow(void **out, size_t alignment, size_t size)
{
	struct hp_site site = HP_SITE_OF_CALLER();
	int error;

	if (!hook_begin())
		return hp_next.posix_memalign(out, alignment, size);
	error = hp_next.posix_memalign(out, alignment, size);
	hook_end_allocation(error ? NULL : *out, size, &site);
	return error;
}

/* The entry is taken out of the table before the block is freed, because afterwards another thread
 * may get the same address at once. */
__attribute__((noinline)) HP_HOOK_CODE void hp_hook_free(void *p)
{
	if (!p || hp_next_alloc_is_boot(p))
		return;
	if (!hp_live_may_hold_block(p) || !hook_begin()) {
		hp_next.free(p);
		return;
	}
	hp_recorder_freeing(p);
	hp_next.free(p);
	hook_end();
}

static void *reallocate(void *old, size_t size)
{
	if (old && hp_next_alloc_is_boot(old))
		return hp_next_alloc_realloc_boot(old, size);
	return hp_next.realloc(old, size);
}

static inline void *realloc_held(void *old, size_t size)
{
	void *p;

	hook_hold();
	p = hp_next.realloc(old, size);
	hook_release();
	return p;
}

SLOW void *realloc_slow(void *old, size_t size)
{
	struct hp_site site = HP_SITE_OF_CALLER();
	struct hp_live_entry entry;
	bool is_known;
	void *p;

	if (!hook_begin())
		return reallocate(old, size);
	is_known = hook_take(old, &entry);
	p = reallocate(old, size);
	/* For size 0, NULL means that the block was freed. */
	hook_settle(is_known, &entry, p || size == 0);
	hook_end_allocation(p, size, &site);
	return p;
}

/* --- C ------------------------------------------------------------------------------------- */

HOOK void *malloc(size_t size)
{
	if (hook_is_inner() || likely(!hp_recorder_count(size)))
		return hp_next.malloc(size);
	return allocate_slow(MALLOC, size, 0, size);
}

HOOK void *calloc(size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total) || hook_is_inner())
		return hp_next.calloc(n, size);
	if (likely(!hp_recorder_count(total)))
		return forward_held(CALLOC, n, size);
	return allocate_slow(CALLOC, n, size, total);
}

HOOK void *realloc(void *p, size_t size)
{
	if (hook_is_inner())
		return hp_next.realloc(p, size);
	/* In this order, because the slow path counts the size: it must not have been counted
	 * before. */
	if (likely(!hp_recorder_may_know(p)) && likely(!hp_recorder_count(size)))
		return realloc_held(p, size);
	return realloc_slow(p, size);
}

/* Calls the global realloc, as the C library's reallocarray does. If another allocator comes before
 * us and does not define reallocarray, the block must come from that allocator. The functions made
 * by SAME_AS_GLOBAL_FREE call the global free for the same reason. */
HOOK void *reallocarray(void *p, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, total);
}

HOOK void free(void *p)
{
	if (likely(!hp_recorder_may_know(p)))
		hp_next.free(p);
	else
		hp_hook_free(p);
}

/* Takes the size back from the count if the allocation failed. The functions below are called so
 * seldom that they can look at their results. malloc, calloc and realloc can't afford that: if one
 * of them fails, its size stays counted, unless it took the slow path, which every large allocation
 * does. */
static inline void *uncount_if_failed(void *p, size_t size)
{
	if (!likely(p))
		hp_recorder_uncount(size);
	return p;
}

HOOK int posix_memalign(void **out, size_t alignment, size_t size)
{
	int error;

	if (hook_is_inner())
		return hp_next.posix_memalign(out, alignment, size);
	if (!likely(!hp_recorder_count(size)))
		return posix_memalign_slow(out, alignment, size);
	hook_hold();
	error = hp_next.posix_memalign(out, alignment, size);
	hook_release();
	if (!likely(error == 0))
		hp_recorder_uncount(size);
	return error;
}

HOOK void *aligned_alloc(size_t alignment, size_t size)
{
	if (hook_is_inner())
		return hp_next.aligned_alloc(alignment, size);
	if (likely(!hp_recorder_count(size)))
		return uncount_if_failed(forward_held(ALIGNED_ALLOC, alignment, size), size);
	return allocate_slow(ALIGNED_ALLOC, alignment, size, size);
}

HOOK void *memalign(size_t alignment, size_t size)
{
	if (hook_is_inner())
		return hp_next.memalign(alignment, size);
	if (likely(!hp_recorder_count(size)))
		return uncount_if_failed(forward_held(MEMALIGN, alignment, size), size);
	return allocate_slow(MEMALIGN, alignment, size, size);
}

HOOK void *valloc(size_t size)
{
	if (hook_is_inner())
		return hp_next.valloc(size);
	if (likely(!hp_recorder_count(size)))
		return uncount_if_failed(forward_held(VALLOC, size, 0), size);
	return allocate_slow(VALLOC, size, 0, size);
}

HOOK void *pvalloc(size_t size)
{
	if (hook_is_inner())
		return hp_next.pvalloc(size);
	if (likely(!hp_recorder_count(size)))
		return uncount_if_failed(forward_held(PVALLOC, size, 0), size);
	return allocate_slow(PVALLOC, size, 0, size);
}

HOOK size_t malloc_usable_size(void *p)
{
	if (p && hp_next_alloc_is_boot(p))
		return hp_next_alloc_boot_size(p);
	return hp_next.malloc_usable_size(p);
}

#define SAME_AS_GLOBAL_FREE(symbol) \
	HOOK void symbol(void *p);  \
	HOOK void symbol(void *p)   \
	{                           \
		free(p);            \
	}

SAME_AS_GLOBAL_FREE(cfree)
SAME_AS_GLOBAL_FREE(free_sized)         /* C23 */
SAME_AS_GLOBAL_FREE(free_aligned_sized) /* C23 */
