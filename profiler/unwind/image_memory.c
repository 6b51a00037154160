/* SPDX-License-Identifier: MIT */
/* A check of a page is a system call, and a search in an unwind table reads a dozen pages. The
 * tables of permanent modules stay where they are. So pages of theirs that were found readable are
 * kept, each at the one place that its number gives it; of two pages with the same place, the later
 * one is kept. */
#include "unwind/image_memory.h"
#include "base/sys.h"

enum {
	N_KEPT = 1024
};

static uintptr_t kept[N_KEPT];

static uintptr_t *place_of_page(uintptr_t page)
{
	return &kept[page / HP_IMAGE_PAGE % N_KEPT];
}

static bool is_kept(uintptr_t page)
{
	return __atomic_load_n(place_of_page(page), __ATOMIC_RELAXED) == page;
}

static bool is_page_readable(struct hp_image_memory *m, uintptr_t address)
{
	uintptr_t page = address & ~(uintptr_t)(HP_IMAGE_PAGE - 1);

	if (page != 0 && page == m->readable_page)
		return true;
	if (!(m->is_permanent && is_kept(page)) && !hp_sys_is_readable((void *)page))
		return false;
	if (m->is_permanent)
		__atomic_store_n(place_of_page(page), page, __ATOMIC_RELAXED);
	m->readable_page = page;
	return true;
}

static bool is_in_image(const struct hp_image_memory *m, uintptr_t address, size_t size)
{
	uintptr_t start = m->object.start;
	uintptr_t end = m->object.end;

	return end - start >= size && address >= start && address - start <= end - start - size;
}

/* An image has bytes between its variables, too, which AddressSanitizer forbids to read. */
__attribute__((no_sanitize("address"))) static void copy(uint8_t *out, uintptr_t address,
							 size_t size)
{
	const volatile uint8_t *from = (const volatile uint8_t *)address;

	for (size_t i = 0; i < size; i++)
		out[i] = from[i];
}

bool hp_image_memory_read(struct hp_image_memory *m, uintptr_t address, void *out, size_t size)
{
	if (!is_in_image(m, address, size) || !is_page_readable(m, address) ||
	    !is_page_readable(m, address + size - 1))
		return false;
	copy(out, address, size);
	return true;
}
