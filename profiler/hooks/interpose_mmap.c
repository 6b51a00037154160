/* SPDX-License-Identifier: MIT */
/* The hooks for HEAP_PROFILE_MMAP record memory that a program gets from the kernel directly. Calls
 * by the allocator underneath, for its own heap, are recognized by the address of the caller and
 * not recorded. The C library does not call these hooks for memory that it maps for itself. */
#undef _FILE_OFFSET_BITS /* the macro renames mmap to mmap64; here both are defined */
#include "hooks/hooks.h"
#include "hooks/next_alloc.h"
#include "process/symbols.h"
#include <errno.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4 /* new in glibc 2.32 */
#endif

#define PAGE ((size_t)4096)

/* If a mapping for which no swap space is set aside has this size or more, it counts as a
 * reservation. */
#define NORESERVE_MIN ((size_t)64 << 20)

static struct {
	void *(*mmap)(void *address, size_t size, int protection, int flags, int fd, off_t offset);
	void *(*mremap)(void *old, size_t old_size, size_t size, int flags, ...);
	int (*munmap)(void *address, size_t size);
	int (*mprotect)(void *address, size_t size, int protection);
	int (*pkey_mprotect)(void *address, size_t size, int protection, int key);
	void *(*sbrk)(intptr_t increment);
} next;

static __attribute__((noinline, cold)) void look_up_mmap(void)
{
	next.mremap = hp_symbol_next("mremap");
	next.munmap = hp_symbol_next("munmap");
	next.mprotect = hp_symbol_next("mprotect");
	next.pkey_mprotect = hp_symbol_next("pkey_mprotect");
	next.sbrk = hp_symbol_next("sbrk");
	__atomic_store_n(&next.mmap, hp_symbol_next("mmap"), __ATOMIC_RELEASE);
}

static inline void ensure_mmap(void)
{
	if (!likely(__atomic_load_n(&next.mmap, __ATOMIC_ACQUIRE)))
		look_up_mmap();
}

static size_t round_up(size_t size)
{
	return (size + PAGE - 1) & -PAGE;
}

static bool is_of_program(const struct hp_site *site)
{
	return !hp_symbols_is_allocators_code(site->pc);
}

static bool is_usable(int protection)
{
	return protection & (PROT_READ | PROT_WRITE | PROT_EXEC);
}

/* Returns true if a usable mapping counts as a reservation. Most programs that reserve address
 * space map it without access: node, Java, Erlang and Go do. A mapping that is usable at once and
 * has MAP_NORESERVE may be a reservation or not: allocators map their heaps that way, piece by
 * piece; sanitizers and Lisps map one range that way for everything that may ever come. So the size
 * decides. */
static bool is_reservation(const void *p, size_t size, int flags)
{
	const int asked = MAP_ANONYMOUS | MAP_NORESERVE;

	return size >= NORESERVE_MIN && (flags & (asked | MAP_POPULATE)) == asked &&
	       !hp_recorder_has_reserved(p); /* such a mapping makes a reservation usable */
}

static enum hp_space space_of(const void *p, size_t size, int protection, int flags)
{
	return is_usable(protection) && !is_reservation(p, size, flags) ? HP_SPACE_USABLE
									: HP_SPACE_RESERVED;
}

SLOW void *mmap_slow(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
	struct hp_site site = HP_SITE_OF_CALLER();
	void *p;

	if (!is_of_program(&site) || !hook_begin())
		return next.mmap(address, size, protection, flags, fd, offset);
	p = next.mmap(address, size, protection, flags, fd, offset);
	if (p != MAP_FAILED)
		hp_recorder_mapped(p, round_up(size), space_of(p, size, protection, flags), &site);
	hook_end();
	return p;
}

/* Returns true if the old mapping stays. With an old size of 0, mremap makes a second mapping of
 * shared memory. */
static bool leaves_old(size_t old_size, int flags)
{
	return old_size == 0 || flags & MREMAP_DONTUNMAP;
}

/* Ranges that may move are taken out of the tables before the call, because after it another thread
 * may get their addresses at once. */
SLOW void *mremap_slow(void *old, size_t old_size, size_t size, int flags, void *address)
{
	struct hp_site site = HP_SITE_OF_CALLER();
	struct hp_remapping remapping = {
		.old = (uintptr_t)old,
		.old_size = leaves_old(old_size, flags) ? 0 : round_up(old_size),
		.size = round_up(size),
		.may_move = flags & MREMAP_MAYMOVE,
	};
	void *p;

	if (!is_of_program(&site) || !hook_begin())
		return next.mremap(old, old_size, size, flags, address);
	hp_recorder_remapping(&remapping);
	p = next.mremap(old, old_size, size, flags, address);
	hp_recorder_remapped(&remapping, p == MAP_FAILED ? NULL : p, &site);
	hook_end();
	return p;
}

SLOW int munmap_slow(void *address, size_t size)
{
	bool is_refused = (uintptr_t)address % PAGE != 0 || size == 0;
	struct hp_unmapping unmapping;
	int result;

	if (is_refused || !hook_begin())
		return next.munmap(address, size);
	hp_recorder_unmapping(address, round_up(size), &unmapping);
	result = next.munmap(address, size);
	hp_recorder_unmapped(&unmapping, result == 0);
	hook_end();
	return result;
}

SLOW int mprotect_slow(void *address, size_t size, int protection)
{
	struct hp_site site = HP_SITE_OF_CALLER();
	int result;

	if (!is_of_program(&site) || !hook_begin())
		return next.mprotect(address, size, protection);
	result = next.mprotect(address, size, protection);
	if (result == 0)
		hp_recorder_protected(address, round_up(size), is_usable(protection), &site);
	hook_end();
	return result;
}

SLOW int pkey_mprotect_slow(void *address, size_t size, int protection, int key)
{
	struct hp_site site = HP_SITE_OF_CALLER();
	int result;

	if (!is_of_program(&site) || !hook_begin())
		return next.pkey_mprotect(address, size, protection, key);
	result = next.pkey_mprotect(address, size, protection, key);
	if (result == 0)
		hp_recorder_protected(address, round_up(size), is_usable(protection), &site);
	hook_end();
	return result;
}

SLOW void *sbrk_slow(intptr_t increment)
{
	struct hp_site site = HP_SITE_OF_CALLER();
	struct hp_unmapping unmapping;
	void *p;

	if (!is_of_program(&site) || !hook_begin())
		return next.sbrk(increment);
	p = next.sbrk(increment);
	if (p != (void *)-1 && increment > 0) {
		hp_recorder_mapped(p, increment, HP_SPACE_USABLE, &site);
	} else if (p != (void *)-1 && increment < 0) {
		hp_recorder_unmapping((char *)p + increment, -increment, &unmapping);
		hp_recorder_unmapped(&unmapping, true /* has gone */);
	}
	hook_end();
	return p;
}

HOOK void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
	ensure_mmap();
	if (likely(!hp_recorder_sees_mappings()))
		return next.mmap(address, size, protection, flags, fd, offset);
	return mmap_slow(address, size, protection, flags, fd, offset);
}

HOOK void *mmap64(void *address, size_t size, int protection, int flags, int fd, off64_t offset)
	__attribute__((alias("mmap"), leaf, nothrow));

HOOK void *mremap(void *old, size_t old_size, size_t size, int flags, ...)
{
	va_list arguments;
	void *address;

	va_start(arguments, flags);
	address = va_arg(arguments, void *); /* if it was not passed, the kernel ignores it */
	va_end(arguments);
	ensure_mmap();
	if (likely(!hp_recorder_sees_mappings()))
		return next.mremap(old, old_size, size, flags, address);
	return mremap_slow(old, old_size, size, flags, address);
}

HOOK int munmap(void *address, size_t size)
{
	ensure_mmap();
	if (likely(!hp_recorder_sees_mappings()))
		return next.munmap(address, size);
	return munmap_slow(address, size);
}

HOOK int mprotect(void *address, size_t size, int protection)
{
	ensure_mmap();
	if (likely(!hp_recorder_sees_mappings()))
		return next.mprotect(address, size, protection);
	return mprotect_slow(address, size, protection);
}

HOOK int pkey_mprotect(void *address, size_t size, int protection, int key)
{
	ensure_mmap();
	if (likely(!hp_recorder_sees_mappings()))
		return next.pkey_mprotect(address, size, protection, key);
	return pkey_mprotect_slow(address, size, protection, key);
}

HOOK void *sbrk(intptr_t increment)
{
	ensure_mmap();
	if (likely(!hp_recorder_sees_mappings()))
		return next.sbrk(increment);
	return sbrk_slow(increment);
}
