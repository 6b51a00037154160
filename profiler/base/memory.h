/* SPDX-License-Identifier: MIT */
/* The profiler's own memory: pages from mmap, so that no hook calls the allocator that it watches.
 * All of it counts towards one limit. Any thread; signal-safe. */
#pragma once
#include "base/view.h"
#include <stddef.h>

/* How much memory all arenas and maps together may take. */
void hp_memory_set_limit(size_t limit_bytes);
size_t hp_memory_limit(void);

/* Bytes mapped at present. */
size_t hp_memory_mapped(void);

/* Zeroed pages, or NULL beyond the limit or if the kernel has none. */
void *hp_memory_map(size_t size);
void hp_memory_unmap(void *p, size_t size); /* p may be NULL */

/* The same beyond the limit as well, for what a dump needs while it is written, and for the little
 * without which a leak would not be seen: both matter most when the limit is used up. */
void *hp_memory_map_beyond_limit(size_t size);

/* Rows of the view. */
extern const struct hp_view_row hp_memory_view[1];
