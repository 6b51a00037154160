/* SPDX-License-Identifier: MIT */
/* The allocator underneath: what the names that we define meant before us. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hp_next_alloc {
	void *(*malloc)(size_t size);
	void *(*calloc)(size_t n, size_t size);
	void *(*realloc)(void *p, size_t size);
	void (*free)(void *p);
	int (*posix_memalign)(void **out, size_t alignment, size_t size);
	void *(*aligned_alloc)(size_t alignment, size_t size);
	void *(*memalign)(size_t alignment, size_t size);
	void *(*valloc)(size_t size);
	void *(*pvalloc)(size_t size);
	size_t (*malloc_usable_size)(void *p);
};

/* Never NULL, from the first instruction on: until hp_next_alloc_init() has run the pointers lead
 * to functions that call it. */
extern struct hp_next_alloc hp_next __attribute__((visibility("hidden")));

/* Looks the functions up. dlsym() may allocate meanwhile: it gets memory from a small buffer. */
void hp_next_alloc_init(void);

/* True for a block from that buffer. Such a block may be freed much later, by the loader; it must
 * not get to the real free. hp_live_may_hold() is true for it. */
bool hp_next_alloc_is_boot(const void *p);

/* Does nothing with it, or a copy of it by the real malloc. `p` is a block from the buffer. */
void *hp_next_alloc_realloc_boot(void *p, size_t size);
size_t hp_next_alloc_boot_size(const void *p);
