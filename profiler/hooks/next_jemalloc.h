/* SPDX-License-Identifier: MIT */
/* jemalloc's non-standard functions as the allocator underneath has them. */
#pragma once
#include <stddef.h>

struct hp_next_jemalloc {
	void *(*mallocx)(size_t size, int flags);
	void *(*rallocx)(void *p, size_t size, int flags);
	size_t (*xallocx)(void *p, size_t size, size_t extra, int flags);
	void (*dallocx)(void *p, int flags);
	void (*sdallocx)(void *p, size_t size, int flags);
};

/* In a library that is there from the start, none of these pointers is ever NULL: they point to
 * functions that look the allocator's up, or work over malloc if it has none. */
extern struct hp_next_jemalloc hp_next_jemalloc __attribute__((visibility("hidden")));
