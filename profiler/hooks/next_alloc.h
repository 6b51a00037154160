/* SPDX-License-Identifier: MIT */
/* The next allocator is the one underneath: the functions that the program would call by the names
 * that this library defines, if it were not there. */
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

/* No pointer is ever NULL, from the first instruction on: until hp_next_alloc_init() has run they
 * lead to functions that call it. */
extern struct hp_next_alloc hp_next __attribute__((visibility("hidden")));

/* Looks the functions up. dlsym() may allocate meanwhile, and gets memory from a small buffer. */
void hp_next_alloc_init(void);

/* Returns true for a block from that buffer. The loader may free such a block much later, and it
 * must not get to the real free. hp_live_may_hold() is true for it. */
bool hp_next_alloc_is_boot(const void *p);

/* For a block from the buffer: returns a copy by the real malloc, or NULL if that fails; and the
 * size of the block. The block itself stays where it is. */
void *hp_next_alloc_realloc_boot(void *p, size_t size);
size_t hp_next_alloc_boot_size(const void *p);
