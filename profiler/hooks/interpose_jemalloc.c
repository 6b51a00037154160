/* SPDX-License-Identifier: MIT */
/* The hooks for jemalloc's non-standard interface. jemalloc's functions of it call no other
 * function of the allocator. */
#include "hooks/hooks.h"
#include "hooks/next_jemalloc.h"

/* --- slow paths ---------------------------------------------------------------------------- */

SLOW void *mallocx_slow(size_t size, int flags)
{
	struct hp_site site = HP_SITE_OF_CALLER();
	void *p;

	if (!hook_begin())
		return hp_next_jemalloc.mallocx(size, flags);
	p = hp_next_jemalloc.mallocx(size, flags);
	hook_end_allocation(p, size, &site);
	return p;
}

SLOW void *rallocx_slow(void *old, size_t size, int flags)
{
	struct hp_site site = HP_SITE_OF_CALLER();
	struct hp_live_entry entry;
	bool is_known;
	void *p;

	if (!hook_begin())
		return hp_next_jemalloc.rallocx(old, size, flags);
	is_known = hook_take(old, &entry);
	p = hp_next_jemalloc.rallocx(old, size, flags);
	hook_settle(is_known, &entry, p != NULL);
	hook_end_allocation(p, size, &site);
	return p;
}

/* Resizes the block in place, or does not resize it. */
SLOW size_t xallocx_slow(void *p, size_t size, size_t extra, int flags)
{
	struct hp_site site = HP_SITE_OF_CALLER();
	struct hp_live_entry entry;
	bool is_known;
	size_t result;

	if (!hook_begin())
		return hp_next_jemalloc.xallocx(p, size, extra, flags);
	is_known = hook_take(p, &entry);
	result = hp_next_jemalloc.xallocx(p, size, extra, flags);
	hook_settle(is_known, &entry, result >= size);
	hook_end_allocation(result >= size ? p : NULL, size, &site);
	return result;
}

SLOW void dallocx_slow(void *p, int flags)
{
	if (!hook_begin()) {
		hp_next_jemalloc.dallocx(p, flags);
		return;
	}
	hp_recorder_freeing(p);
	hp_next_jemalloc.dallocx(p, flags);
	hook_end();
}

SLOW void sdallocx_slow(void *p, size_t size, int flags)
{
	if (!hook_begin()) {
		hp_next_jemalloc.sdallocx(p, size, flags);
		return;
	}
	hp_recorder_freeing(p);
	hp_next_jemalloc.sdallocx(p, size, flags);
	hook_end();
}

/* --- hooks --------------------------------------------------------------------------------- */

static HP_HOOK_CODE void *mallocx_hook(size_t size, int flags)
{
	if (hook_is_inner() || likely(!hp_recorder_count(size)))
		return hp_next_jemalloc.mallocx(size, flags);
	return mallocx_slow(size, flags);
}

static HP_HOOK_CODE void *rallocx_hook(void *p, size_t size, int flags)
{
	if (hook_is_inner() ||
	    (likely(!hp_recorder_may_know(p)) && likely(!hp_recorder_count(size))))
		return hp_next_jemalloc.rallocx(p, size, flags);
	return rallocx_slow(p, size, flags);
}

static HP_HOOK_CODE size_t xallocx_hook(void *p, size_t size, size_t extra, int flags)
{
	if (hook_is_inner())
		return hp_next_jemalloc.xallocx(p, size, extra, flags);
	if (hp_recorder_may_know(p) || hp_recorder_count(size))
		return xallocx_slow(p, size, extra, flags);
	size_t result = hp_next_jemalloc.xallocx(p, size, extra, flags);

	if (result < size) /* the block can't grow in place, which is the usual case */
		hp_recorder_uncount(size);
	return result;
}

static HP_HOOK_CODE void dallocx_hook(void *p, int flags)
{
	if (likely(!hp_recorder_may_know(p)))
		hp_next_jemalloc.dallocx(p, flags);
	else
		dallocx_slow(p, flags);
}

static HP_HOOK_CODE void sdallocx_hook(void *p, size_t size, int flags)
{
	if (likely(!hp_recorder_may_know(p)))
		hp_next_jemalloc.sdallocx(p, size, flags);
	else
		sdallocx_slow(p, size, flags);
}

/* --- names --------------------------------------------------------------------------------- */

#define NAMES(NAME)                                                          \
	NAME(mallocx, void *, size_t size, int flags)                        \
	NAME(rallocx, void *, void *p, size_t size, int flags)               \
	NAME(xallocx, size_t, void *p, size_t size, size_t extra, int flags) \
	NAME(dallocx, void, void *p, int flags)                              \
	NAME(sdallocx, void, void *p, size_t size, int flags)

#define NAME(name, result, ...) \
	__attribute__((visibility("default"), alias(#name "_hook"))) result name(__VA_ARGS__);
NAMES(NAME)
#undef NAME
