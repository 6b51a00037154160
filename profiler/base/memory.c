/* SPDX-License-Identifier: MIT */
#include "base/memory.h"
#include "base/sys.h"

enum {
	RETURNED_AT_ONCE = 32 * 4096
};

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

static void *map_within(size_t size, size_t limit)
{
	void *p = NULL;

	if (__atomic_add_fetch(&mapped_bytes, size, __ATOMIC_RELAXED) <= limit)
		p = hp_sys_mmap(size, PROT_READ | PROT_WRITE);
	if (!p)
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
	for (size_t done = 0; size - done > RETURNED_AT_ONCE; done += RETURNED_AT_ONCE)
		hp_sys_madvise((char *)p + done, RETURNED_AT_ONCE, MADV_DONTNEED);
	hp_sys_munmap(p, size);
	__atomic_sub_fetch(&mapped_bytes, size, __ATOMIC_RELAXED);
}

const struct hp_view_row hp_memory_view[] = {
	HP_VIEW_VARIABLE("memory.mapped_bytes", mapped_bytes),
};
