/* SPDX-License-Identifier: MIT */
#include "inspect/memory_window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_BYTES (UINT64_C(256) << 10)
#define PAGE_BYTES   UINT64_C(4096)

int memory_window_init(struct memory_window *window, struct hp_target *target)
{
	*window = (struct memory_window){.target = target, .bytes = malloc(WINDOW_BYTES)};
	return window->bytes ? 0 : -ENOMEM;
}

void memory_window_deinit(struct memory_window *window)
{
	free(window->bytes);
}

/* Reads the pages from that of the address on, up to the first one without contents. */
static bool move_window(struct memory_window *window, uint64_t address)
{
	uint64_t page = address & ~(PAGE_BYTES - 1), first;
	struct hp_target_range range = {page, page + WINDOW_BYTES};

	window->start = window->end = 0;
	if (range.end < page || !hp_target_next_pages(window->target, &range, true) ||
	    range.start > address)
		return false;
	first = range.start; /* a core's parts may begin within a page */
	if (!hp_target_read(window->target, first, window->bytes, range.end - first)) {
		/* The rest may not be mapped. */
		range.end = range.end < page + PAGE_BYTES ? range.end : page + PAGE_BYTES;
		if (range.end <= first ||
		    !hp_target_read(window->target, first, window->bytes, range.end - first))
			return false;
	}
	window->start = first;
	window->end = range.end;
	return true;
}

bool memory_window_read(struct memory_window *window, uint64_t address, void *to, size_t size)
{
	while (size > 0) {
		uint64_t some;

		if ((address < window->start || address >= window->end) &&
		    !move_window(window, address))
			return false;
		some = window->end - address < size ? window->end - address : size;
		memcpy(to, window->bytes + (address - window->start), some);
		to = (char *)to + some;
		address += some;
		size -= some;
	}
	return true;
}
