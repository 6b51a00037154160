/* SPDX-License-Identifier: MIT */
/* Memory for tables, which may become large. A large one is looked into all over, and with pages of
 * 4 KiB nearly each look is a miss of the TLB, and each page a fault before. From 2 MiB on, so, it
 * is asked for in huge pages, which the system gives if it has some: reading 200,000 records took
 * 0.29 s without and 0.20 s with them. free() frees it. */
#pragma once
#include <stddef.h>

/* Zeroed, for n items of `size` bytes. NULL if memory is out. */
void *huge_alloc_calloc(size_t n, size_t size);

/* Room for `size` bytes, with the first `n_used` of what lies at `memory`, which is freed; `memory`
 * may be NULL if n_used is 0. NULL if memory is out, with all as it was. */
void *huge_alloc_realloc(void *memory, size_t n_used, size_t size);
