/* SPDX-License-Identifier: MIT */
/* The layouts of glibc's heaps, by version. See malloc/malloc.c and malloc/arena.c of glibc. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct glibc_layout {
	int first_minor, last_minor; /* of glibc 2.x */
	uint64_t heap_header;        /* bytes of struct _heap_info */
	bool has_mangled_links;      /* "safe linking" of fastbins and caches */
};

enum {
	GLIBC_HEAP_BYTES = 64 << 20, /* of a heap of an arena, and its alignment */
	GLIBC_ARENA_BYTES = 0x898,   /* struct malloc_state */
	GLIBC_ARENA_FASTBINS = 0x10,
	GLIBC_ARENA_TOP = 0x60,
	GLIBC_N_FASTBINS = 10,
	GLIBC_N_CACHE_BINS = 64,
	GLIBC_CACHE_BYTES = 0x280, /* struct tcache_perthread_struct */
	GLIBC_HEADER = 16,         /* before the memory of a chunk: size of the one before, size */
	GLIBC_CHUNK_MIN = 32,
};

/* The bits below a chunk's size. */
enum {
	GLIBC_PREVIOUS_IN_USE = 1,
	GLIBC_IS_MAPPED = 2,
	GLIBC_NOT_MAIN = 4,
	GLIBC_BITS = 7,
};

/* Returns the layout of glibc 2.minor, or NULL if it is not known. */
const struct glibc_layout *glibc_layout_of(int minor);

/* Returns layout number `i` of those that are known, the newest first, or NULL after the last. */
const struct glibc_layout *glibc_layout_at(size_t i);
