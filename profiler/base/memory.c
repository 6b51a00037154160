/* SPDX-License-Identifier: MIT */
#include "base/memory.h"
#include "base/sys.h"

enum {
	RETURNED_AT_ONCE = 32 * 4096,
	RANGES_MAX = 1024, /* a MiB each in arenas, and some for the tables of live blocks */
};

/* Where our memory is, for tools that look for pointers in all other memory. A start of 0 is an
 * empty place. What finds no place is not listed. */
static struct range {
	uintptr_t start, end;
} ranges[RANGES_MAX];

static size_t limit_bytes_ = (size_t)256 << 20;
static size_t mapped_bytes;

void hp_memory_set_limit(size_t limit_bytes)
{
	limit_bytes_ = limit_bytes;
}

size_t hp_memory_limit(void)
{
	return limit_bytes_;
}

size_t hp_memory_mapped(void)
{
	return __atomic_load_n(&mapped_bytes, __ATOMIC_RELAXED);
}

static void list_range(uintptr_t start, size_t size)
{
	for (int i = 0; i < RANGES_MAX; i++) {
		uintptr_t none = 0;

		if (__atomic_compare_exchange_n(&ranges[i].start, &none, start, false,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			__atomic_store_n(&ranges[i].end, start + size, __ATOMIC_RELAXED);
			return;
		}
	}
}

/* Call it before the memory is unmapped, as the next mapping may have the same start. */
static void unlist_range(uintptr_t start)
{
	for (int i = 0; i < RANGES_MAX; i++)
		if (__atomic_load_n(&ranges[i].start, __ATOMIC_RELAXED) == start) {
			__atomic_store_n(&ranges[i].end, 0, __ATOMIC_RELAXED);
			__atomic_store_n(&ranges[i].start, 0, __ATOMIC_RELEASE);
			return;
		}
}

static void *map_within(size_t size, size_t limit)
{
	void *p = NULL;

	if (__atomic_add_fetch(&mapped_bytes, size, __ATOMIC_RELAXED) <= limit)
		p = hp_sys_mmap(size, PROT_READ | PROT_WRITE);
	if (p)
		list_range((uintptr_t)p, size);
	else
		__atomic_sub_fetch(&mapped_bytes, size, __ATOMIC_RELAXED);
	return p;
}

void *hp_memory_map(size_t size)
{
	return map_within(size, limit_bytes_);
}

void *hp_memory_map_beyond_limit(size_t size)
{
	return map_within(size, SIZE_MAX);
}

/* munmap() takes microseconds per page, and other threads that map memory meanwhile wait until it
 * is done. So madvise() gives the pages back first, a few at a time. */
void hp_memory_unmap(void *p, size_t size)
{
	if (!p)
		return;
	unlist_range((uintptr_t)p);
	for (size_t done = 0; size - done > RETURNED_AT_ONCE; done += RETURNED_AT_ONCE)
		hp_sys_madvise((char *)p + done, RETURNED_AT_ONCE, MADV_DONTNEED);
	hp_sys_munmap(p, size);
	__atomic_sub_fetch(&mapped_bytes, size, __ATOMIC_RELAXED);
}

const struct hp_view_row hp_memory_view[] = {
	HP_VIEW_VARIABLE("memory.mapped_bytes", mapped_bytes),
	HP_VIEW_ARRAY("memory.ranges", ranges),
};
