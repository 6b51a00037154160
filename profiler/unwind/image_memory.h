/* SPDX-License-Identifier: MIT */
/* An image is the memory of the program or of one of its libraries, as the loader has mapped it.
 * These functions read bytes of an image after a check that their pages can be read: an image may
 * have holes between its segments. */
#pragma once
#include "process/loaded.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	HP_IMAGE_PAGE = 4096
};

struct hp_image_memory {
	struct hp_loaded object;
	/* The image is never unmapped. A page of it that was once found readable, by any thread, is
	 * then not checked again. */
	bool is_permanent;
	uintptr_t readable_page; /* the last page that was found readable; 0: none */
};

/* Copies `size` bytes at `address`, at most a page. Returns false if they are not all in the image
 * or can't be read. Any thread that owns `m`; signal-safe: yes; may allocate: no. */
bool hp_image_memory_read(struct hp_image_memory *m, uintptr_t address, void *out, size_t size);

/* Copies a word. libunwind reads tables byte by byte, and asks for a word each time. */
__attribute__((no_sanitize("address"))) static inline bool
hp_image_memory_read_word(struct hp_image_memory *m, uintptr_t address, uint64_t *out)
{
	uintptr_t page = m->readable_page, last = address + sizeof(*out) - 1;

	if (page == 0 || ((address ^ page) | (last ^ page)) >= HP_IMAGE_PAGE ||
	    address < m->object.start)
		return hp_image_memory_read(m, address, out, sizeof(*out));
	memcpy(out, (const void *)address, sizeof(*out));
	return true;
}
