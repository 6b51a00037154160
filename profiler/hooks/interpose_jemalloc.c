/* SPDX-License-Identifier: MIT */
/* The hooks for jemalloc's non-standard interface. A program that can do without the interface asks
 * `if (mallocx)`. So if the allocator underneath has no such names, ours must not be found, and are
 * hidden.
 *
 * They are hidden while the loader relocates this library, which is the earliest moment at which
 * our code runs. The program is relocated after all libraries, and a function that is bound at its
 * first call is bound even later: both find what they would find without us. A library that was
 * relocated before us is bound to our functions, even without jemalloc, so our functions also work
 * over malloc.
 *
 * Each name could instead be an indirect function, whose resolver returns 0 if the name must not
 * exist. But then the loader would write "Relink ..." to standard error for each reference in such
 * a library, and would end the process if the archive is in the program. */
#include "hooks/early_names.h"
#include "hooks/hooks.h"
#include "hooks/next_alloc.h"
#include "process/symbols.h"

#define LG_ALIGN_MASK 63 /* in flags: the base-2 logarithm of the alignment */
#define ZERO          64 /* in flags: clear the block */

static struct {
	void *(*mallocx)(size_t size, int flags);
	void *(*rallocx)(void *p, size_t size, int flags);
	size_t (*xallocx)(void *p, size_t size, size_t extra, int flags);
	void (*dallocx)(void *p, int flags);
	void (*sdallocx)(void *p, size_t size, int flags);
} next;

/* --- without jemalloc ---------------------------------------------------------------------- */

static void *plain_mallocx(size_t size, int flags)
{
	size_t alignment = (size_t)1 << (flags & LG_ALIGN_MASK);
	void *p;

	if (alignment <= 16)
		return flags & ZERO ? hp_next.calloc(1, size) : hp_next.malloc(size);
	p = hp_next.memalign(alignment, size);
	if (p && flags & ZERO)
		__builtin_memset(p, 0, size);
	return p;
}

static void *plain_rallocx(void *p, size_t size, int flags)
{
	return hp_next.realloc(p, size);
}

static size_t plain_xallocx(void *p, size_t size, size_t extra, int flags)
{
	return hp_next.malloc_usable_size(p);
}

static void plain_dallocx(void *p, int flags)
{
	hp_next.free(p);
}

static void plain_sdallocx(void *p, size_t size, int flags)
{
	hp_next.free(p);
}

static void *or_plain(const char *name, void *plain)
{
	void *function = hp_symbol_next(name);

	return function ? function : plain;
}

static __attribute__((noinline, cold)) void look_up_jemalloc(void)
{
	next.rallocx = or_plain("rallocx", plain_rallocx);
	next.xallocx = or_plain("xallocx", plain_xallocx);
	next.dallocx = or_plain("dallocx", plain_dallocx);
	next.sdallocx = or_plain("sdallocx", plain_sdallocx);
	__atomic_store_n(&next.mallocx, or_plain("mallocx", plain_mallocx), __ATOMIC_RELEASE);
}

static inline void ensure_jemalloc(void)
{
	if (!likely(__atomic_load_n(&next.mallocx, __ATOMIC_ACQUIRE)))
		look_up_jemalloc();
}

/* --- slow paths ---------------------------------------------------------------------------- */

SLOW void *mallocx_slow(size_t size, int flags)
{
	struct hp_site site = HP_SITE_OF_CALLER();
	void *p;

	if (!hook_begin())
		return next.mallocx(size, flags);
	p = next.mallocx(size, flags);
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
		return next.rallocx(old, size, flags);
	is_known = hook_take(old, &entry);
	p = next.rallocx(old, size, flags);
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
		return next.xallocx(p, size, extra, flags);
	is_known = hook_take(p, &entry);
	result = next.xallocx(p, size, extra, flags);
	hook_settle(is_known, &entry, result >= size);
	hook_end_allocation(result >= size ? p : NULL, size, &site);
	return result;
}

SLOW void dallocx_slow(void *p, int flags)
{
	if (!hook_begin()) {
		next.dallocx(p, flags);
		return;
	}
	hp_recorder_freeing(p);
	next.dallocx(p, flags);
	hook_end();
}

SLOW void sdallocx_slow(void *p, size_t size, int flags)
{
	if (!hook_begin()) {
		next.sdallocx(p, size, flags);
		return;
	}
	hp_recorder_freeing(p);
	next.sdallocx(p, size, flags);
	hook_end();
}

/* --- hooks --------------------------------------------------------------------------------- */

static HP_HOOK_CODE void *mallocx_hook(size_t size, int flags)
{
	ensure_jemalloc();
	if (likely(!hp_recorder_count(size)))
		return next.mallocx(size, flags);
	return mallocx_slow(size, flags);
}

static HP_HOOK_CODE void *rallocx_hook(void *p, size_t size, int flags)
{
	ensure_jemalloc();
	if (likely(!hp_recorder_may_know(p)) && likely(!hp_recorder_count(size)))
		return next.rallocx(p, size, flags);
	return rallocx_slow(p, size, flags);
}

static HP_HOOK_CODE size_t xallocx_hook(void *p, size_t size, size_t extra, int flags)
{
	ensure_jemalloc();
	if (hp_recorder_may_know(p) || hp_recorder_count(size))
		return xallocx_slow(p, size, extra, flags);
	size_t result = next.xallocx(p, size, extra, flags);

	if (result < size) /* the block can't grow in place, which is the usual case */
		hp_recorder_uncount(size);
	return result;
}

static HP_HOOK_CODE void dallocx_hook(void *p, int flags)
{
	ensure_jemalloc();
	if (likely(!hp_recorder_may_know(p)))
		next.dallocx(p, flags);
	else
		dallocx_slow(p, flags);
}

static HP_HOOK_CODE void sdallocx_hook(void *p, size_t size, int flags)
{
	ensure_jemalloc();
	if (likely(!hp_recorder_may_know(p)))
		next.sdallocx(p, size, flags);
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

static void do_nothing(void)
{
}

/* Hides the names that the allocator underneath does not have. This is the resolver of an indirect
 * function to which no other object can refer; the loader calls it when it relocates the pointer
 * below. */
static __attribute__((used)) void (*hide_absent_names(void))(void)
{
#define NAME(name, result, ...)             \
	if (!hp_early_name_has_next(#name)) \
		hp_early_name_hide(#name);
	NAMES(NAME)
#undef NAME
	return do_nothing;
}

static __attribute__((ifunc("hide_absent_names"))) void at_relocation(void);
static __attribute__((used)) void (*const volatile relocated)(void) = at_relocation;
