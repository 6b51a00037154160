/* SPDX-License-Identifier: MIT */
/* huge_alloc allocates memory for tables. For a table of 2 MiB or more it asks for huge pages,
 * which the system gives if it has some. Look-ups are spread over all of a large table: with pages
 * of 4 KiB nearly every look-up misses the TLB, and the first access to each page costs a fault.
 * Reading 200,000 records took 0.29 s with small pages and 0.20 s with huge pages. Free the memory
 * with free(). */
#pragma once
#include <stddef.h>

/* Returns zeroed memory for `n` items of `size` bytes, or NULL if memory is out. */
void *huge_alloc_calloc(size_t n, size_t size);

/* Returns memory of `size` bytes that begins with the first `n_used` bytes of `memory`, and frees
 * `memory`, which may be NULL if n_used is 0. If memory is out, returns NULL and leaves `memory`
 * unchanged. */
void *huge_alloc_realloc(void *memory, size_t n_used, size_t size);
