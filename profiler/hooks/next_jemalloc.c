/* SPDX-License-Identifier: MIT */
/* A program that can do without jemalloc's interface asks `if (mallocx)`. So if the allocator
 * underneath has no such names, ours must not be found, and are hidden.
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
#include "hooks/next_jemalloc.h"
#include "hooks/early_names.h"
#include "hooks/next_alloc.h"
#include "process/symbols.h"

#define LG_ALIGN_MASK 63 /* in flags: the base-2 logarithm of the alignment */
#define ZERO          64 /* in flags: clear the block */

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

/* --- the first call of any of them looks all up -------------------------------------------- */

static void *or_plain(const char *name, void *plain)
{
	void *function = hp_symbol_next(name);

	return function ? function : plain;
}

static void look_up(void)
{
	struct hp_next_jemalloc found = {
		.mallocx = or_plain("mallocx", plain_mallocx),
		.rallocx = or_plain("rallocx", plain_rallocx),
		.xallocx = or_plain("xallocx", plain_xallocx),
		.dallocx = or_plain("dallocx", plain_dallocx),
		.sdallocx = or_plain("sdallocx", plain_sdallocx),
	};

	hp_next_jemalloc = found;
}

static void *first_mallocx(size_t size, int flags)
{
	look_up();
	return hp_next_jemalloc.mallocx(size, flags);
}

static void *first_rallocx(void *p, size_t size, int flags)
{
	look_up();
	return hp_next_jemalloc.rallocx(p, size, flags);
}

static size_t first_xallocx(void *p, size_t size, size_t extra, int flags)
{
	look_up();
	return hp_next_jemalloc.xallocx(p, size, extra, flags);
}

static void first_dallocx(void *p, int flags)
{
	look_up();
	hp_next_jemalloc.dallocx(p, flags);
}

static void first_sdallocx(void *p, size_t size, int flags)
{
	look_up();
	hp_next_jemalloc.sdallocx(p, size, flags);
}

struct hp_next_jemalloc hp_next_jemalloc = {
	.mallocx = first_mallocx,
	.rallocx = first_rallocx,
	.xallocx = first_xallocx,
	.dallocx = first_dallocx,
	.sdallocx = first_sdallocx,
};

/* --- names --------------------------------------------------------------------------------- */

static void do_nothing(void)
{
}

/* Hides the names that the allocator underneath does not have. This is the resolver of an indirect
 * function to which no other object can refer; the loader calls it when it relocates the pointer
 * below. */
static __attribute__((used)) void (*hide_absent_names(void))(void)
{
	static const char names[][9] = {"mallocx", "rallocx", "xallocx", "dallocx", "sdallocx"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!hp_early_name_has_next(names[i]))
			hp_early_name_hide(names[i]);
	return do_nothing;
}

static __attribute__((ifunc("hide_absent_names"))) void at_relocation(void);
static __attribute__((used)) void (*const volatile relocated)(void) = at_relocation;
