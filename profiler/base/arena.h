/* SPDX-License-Identifier: MIT */
/* An arena is a store of small pieces of our memory: they come from chunks, and go back to free
 * lists by size. Its chunks are mapped by memory.h. Any thread; not from a signal handler that
 * interrupted it. */
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
