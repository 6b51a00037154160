/* SPDX-License-Identifier: MIT */
/* The profiler's own memory consists of pages from mmap(2), so that no hook calls the allocator
 * that is being profiled. All of the memory counts towards one limit. Any thread; signal-safe: yes;
 * may allocate: no. */
#pragma once
#include "base/view.h"
#include <stddef.h>

/* The limit is the number of bytes that the profiler's own memory may have, arenas included. */
void hp_memory_set_limit(size_t limit_bytes);
size_t hp_memory_limit(void);

/* Returns how many bytes the profiler's own memory has now. */
size_t hp_memory_mapped(void);

/* Returns `size` bytes of zeroed pages, or NULL if they would exceed the limit or the kernel
 * refuses them. The caller frees them with hp_memory_unmap() and the same `size`. */
void *hp_memory_map(size_t size);
void hp_memory_unmap(void *p, size_t size); /* p may be NULL */

/* Same as hp_memory_map(), but may exceed the limit: for memory that a dump needs while it is
 * written, and for the small tables without which a leak would not be seen. Both matter most when
 * the limit has been reached. */
void *hp_memory_map_beyond_limit(size_t size);

/* Rows of the view. */
extern const struct hp_view_row hp_memory_view[2];
