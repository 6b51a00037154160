/* SPDX-License-Identifier: MIT */
/* The next allocator is the allocator underneath: the functions that the program would call if this
 * library did not define functions of the same names. */
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

/* None of these pointers is ever NULL. Until hp_next_alloc_init() has run, they point to functions
 * that call it. */
extern struct hp_next_alloc hp_next __attribute__((visibility("hidden")));

/* Looks the functions up. If dlsym() allocates meanwhile, it gets memory from a small buffer, the
 * boot buffer. */
void hp_next_alloc_init(void);

/* Returns true if the block is in the boot buffer. The loader may free such a block much later, and
 * it must not be passed to the real free. hp_live_may_hold() returns true for it, so that a free
 * takes the slow path, which looks for it. */
bool hp_next_alloc_is_boot(const void *p);

/* Both functions are for blocks of the boot buffer. The first returns a copy of the block, made by
 * the real malloc, or NULL if that fails; the block itself stays where it is. The second returns
 * the block's size. */
void *hp_next_alloc_realloc_boot(void *p, size_t size);
size_t hp_next_alloc_boot_size(const void *p);
