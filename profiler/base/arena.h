/* SPDX-License-Identifier: MIT */
/* The profiler's own memory, from mmap, so that no hook calls the allocator that it watches.
 * Small pieces come from chunks and go back to free lists by size; tables are mapped singly.
 * All of it counts towards one limit. Any thread; not from a signal handler that interrupted it. */
#pragma once
#include "base/lock.h"

enum {
	HP_ARENA_GRAIN = 16,            /* every piece is a multiple of this, and so aligned */
	HP_ARENA_PIECE_MAX = 16 * 1024, /* the largest small piece */
	HP_ARENA_CHUNK = 1024 * 1024,   /* address space is taken in such steps */
	HP_ARENA_FIRST = 64 * 1024,     /* but for the first: a program that locks its memory pays
					   for it whether it is used or not */
	HP_ARENA_CHUNKS_MAX = 16 * 1024,
	HP_ARENA_CHUNK_GRAINS = HP_ARENA_CHUNK / HP_ARENA_GRAIN,
};

/* Names a piece in 32 bits: chunk number and grain within the chunk. 0 is no piece. */
typedef uint32_t hp_handle;

/* Pieces that can be named by handles and are given back all at once; zeroes are a valid start. */
struct hp_arena {
	struct hp_lock lock;
	uint32_t n_chunks;
	uint32_t used; /* bytes of the newest chunk */
	char *chunks[HP_ARENA_CHUNKS_MAX];
	hp_handle free_lists[HP_ARENA_PIECE_MAX / HP_ARENA_GRAIN + 1];
};

/* How much memory all arenas and maps together may take. */
void hp_memory_set_limit(size_t limit_bytes);
size_t hp_memory_limit(void);

/* Bytes mapped at present, by arenas and hp_memory_map(). */
size_t hp_memory_mapped(void);

/* Zeroed pages, or NULL beyond the limit or if the kernel has none. */
void *hp_memory_map(size_t size);
void hp_memory_unmap(void *p, size_t size); /* p may be NULL */

/* The same beyond the limit as well, for what a dump needs while it is written, and for the little
 * without which a leak would not be seen: it is to be had when memory was used up, above all. */
void *hp_memory_map_beyond_limit(size_t size);

/* A zeroed piece of `size` bytes, at most HP_ARENA_PIECE_MAX; 0 if there is none to be had. */
hp_handle hp_arena_alloc(struct hp_arena *arena, size_t size);

/* Gives a piece of that size back. */
void hp_arena_free(struct hp_arena *arena, hp_handle piece, size_t size);

/* Makes large free pieces of small ones that lie side by side. Looks at every free piece: for when
 * memory has run out. */
void hp_arena_join_free(struct hp_arena *arena);

/* Gives every piece back; nobody may be using one. */
void hp_arena_reset(struct hp_arena *arena);

/* Where a piece lies. Valid until it is given back; `piece` is not 0. */
static inline void *hp_arena_at(const struct hp_arena *arena, hp_handle piece)
{
	return arena->chunks[piece / HP_ARENA_CHUNK_GRAINS] +
	       (size_t)(piece % HP_ARENA_CHUNK_GRAINS) * HP_ARENA_GRAIN;
}
