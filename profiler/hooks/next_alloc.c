/* SPDX-License-Identifier: MIT */
#include "hooks/next_alloc.h"
#include "process/symbols.h"
#include "tables/live.h"
#include <errno.h>
#include <stdint.h>
#include <string.h>

enum {
	BOOT_SIZE = 64 * 1024,
	BOOT_ALIGNMENT = 16,
	PAGE = 4096
};

/* This header is in front of each block of the boot buffer. */
struct boot_header {
	size_t size;
	size_t padding;
};

static char boot_memory[BOOT_SIZE] __attribute__((aligned(PAGE)));
static size_t boot_used;
static bool is_looking_up;

static void *boot_take(size_t alignment, size_t size)
{
	uintptr_t start = (uintptr_t)boot_memory;
	uintptr_t p = start + boot_used + sizeof(struct boot_header);

	if (alignment < BOOT_ALIGNMENT)
		alignment = BOOT_ALIGNMENT;
	p = (p + alignment - 1) & -alignment;
	if (size > BOOT_SIZE || p - start > BOOT_SIZE - size) {
		errno = ENOMEM;
		return NULL;
	}
	if (boot_used == 0)
		hp_live_pin_range(boot_memory, sizeof(boot_memory));
	boot_used = p - start + size;
	((struct boot_header *)p)[-1].size = size;
	return (void *)p; /* zeroed, because no part of the buffer is used twice */
}

bool hp_next_alloc_is_boot(const void *p)
{
	return (uintptr_t)p - (uintptr_t)boot_memory < BOOT_SIZE;
}

size_t hp_next_alloc_boot_size(const void *p)
{
	return ((const struct boot_header *)p)[-1].size;
}

void *hp_next_alloc_realloc_boot(void *p, size_t size)
{
	size_t old = hp_next_alloc_boot_size(p);
	void *copy = hp_next.malloc(size);

	if (copy)
		memcpy(copy, p, old < size ? old : size);
	return copy;
}

/* --- until the real functions are known ---------------------------------------------------- */

/* Returns true if blocks must come from the boot buffer: while the real functions are looked up;
 * and before the C library is ready, while the loader calls our resolvers, because the allocator
 * underneath may not have its thread-local storage yet. */
static bool must_boot(void)
{
	if (!hp_symbols_is_c_library_ready())
		return true;
	if (!is_looking_up)
		hp_next_alloc_init();
	return is_looking_up;
}

static void *boot_malloc(size_t size)
{
	return must_boot() ? boot_take(0, size) : hp_next.malloc(size);
}

static void *boot_calloc(size_t n, size_t size)
{
	size_t total;

	if (!must_boot())
		return hp_next.calloc(n, size);
	if (__builtin_mul_overflow(n, size, &total))
		return NULL;
	return boot_take(0, total);
}

static void *boot_realloc(void *p, size_t size)
{
	if (!must_boot())
		return hp_next.realloc(p, size);
	void *copy = boot_take(0, size);

	if (copy && p && hp_next_alloc_is_boot(p))
		memcpy(copy, p,
		       size < hp_next_alloc_boot_size(p) ? size : hp_next_alloc_boot_size(p));
	return copy;
}

static void boot_free(void *p)
{
	if (p && !must_boot())
		hp_next.free(p);
}

static void *boot_memalign(size_t alignment, size_t size)
{
	return must_boot() ? boot_take(alignment, size) : hp_next.memalign(alignment, size);
}

static void *boot_aligned_alloc(size_t alignment, size_t size)
{
	return must_boot() ? boot_take(alignment, size) : hp_next.aligned_alloc(alignment, size);
}

static int boot_posix_memalign(void **out, size_t alignment, size_t size)
{
	if (!must_boot())
		return hp_next.posix_memalign(out, alignment, size);
	*out = boot_take(alignment, size);
	return *out ? 0 : ENOMEM;
}

static void *boot_valloc(size_t size)
{
	return must_boot() ? boot_take(PAGE, size) : hp_next.valloc(size);
}

static void *boot_pvalloc(size_t size)
{
	return must_boot() ? boot_take(PAGE, (size + PAGE - 1) & -PAGE) : hp_next.pvalloc(size);
}

static size_t boot_usable_size(void *p)
{
	return must_boot() ? 0 : hp_next.malloc_usable_size(p);
}

struct hp_next_alloc hp_next = {
	.malloc = boot_malloc,
	.calloc = boot_calloc,
	.realloc = boot_realloc,
	.free = boot_free,
	.posix_memalign = boot_posix_memalign,
	.aligned_alloc = boot_aligned_alloc,
	.memalign = boot_memalign,
	.valloc = boot_valloc,
	.pvalloc = boot_pvalloc,
	.malloc_usable_size = boot_usable_size,
};

/* --- the real functions -------------------------------------------------------------------- */

static const struct {
	const char *name;
	size_t offset;
} symbols[] = {
#define SYMBOL(name)                                        \
	{                                                   \
#name, offsetof(struct hp_next_alloc, name) \
	}
	SYMBOL(malloc),         SYMBOL(calloc),
	SYMBOL(realloc),        SYMBOL(free),
	SYMBOL(posix_memalign), SYMBOL(aligned_alloc),
	SYMBOL(memalign),       SYMBOL(valloc),
	SYMBOL(pvalloc),        SYMBOL(malloc_usable_size),
};

void hp_next_alloc_init(void)
{
	struct hp_next_alloc found = hp_next;

	if (is_looking_up || hp_next.malloc != boot_malloc)
		return;
	is_looking_up = true;
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *function = hp_symbol_next(symbols[i].name);

		if (function)
			memcpy((char *)&found + symbols[i].offset, &function, sizeof(function));
	}
	is_looking_up = false;
	if (found.malloc == boot_malloc)
		return;
	hp_symbols_set_allocator(found.malloc);
	hp_next = found;
}
