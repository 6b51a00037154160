/* SPDX-License-Identifier: MIT */
/* The profiler's own memory is pages from mmap(2), so that no hook calls the allocator that it
 * watches. All of it counts towards one limit. Any thread; signal-safe: yes; may allocate: no. */
#pragma once
#include "base/view.h"
#include <stddef.h>

/* The limit, in bytes, of all arenas and maps together. */
void hp_memory_set_limit(size_t limit_bytes);
size_t hp_memory_limit(void);

/* Returns the number of bytes that are mapped at present. */
size_t hp_memory_mapped(void);

/* Returns zeroed pages, or NULL if they would exceed the limit or the kernel has none. The caller
 * frees them with hp_memory_unmap() and the same size, in bytes. */
void *hp_memory_map(size_t size);
void hp_memory_unmap(void *p, size_t size); /* p may be NULL */

/* Same, but beyond the limit as well: for what a dump needs while it is written, and for the little
 * without which a leak would not be seen. Both matter most when the limit is used up. */
void *hp_memory_map_beyond_limit(size_t size);

/* Rows of the view. */
extern const struct hp_view_row hp_memory_view[1];
