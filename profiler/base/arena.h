/* SPDX-License-Identifier: MIT */
/* An arena is a store of small pieces of the profiler's own memory. It cuts pieces from chunks that
 * memory.h maps, and keeps freed pieces in one list for each size. Any thread; signal-safe: yes,
 * but a call fails if the handler interrupted another call on the same arena; may allocate: no. */
#pragma once
#include "base/lock.h"

enum {
	HP_ARENA_GRAIN = 16,            /* sizes are rounded up to this, and pieces aligned to it */
	HP_ARENA_PIECE_MAX = 16 * 1024, /* the largest piece, in bytes */
	HP_ARENA_CHUNK = 1024 * 1024,   /* size of a chunk, in bytes */
	HP_ARENA_FIRST = 64 * 1024,     /* size of the first chunk: smaller, because a program that
					   locks its memory pays for the whole chunk, used or not */
	HP_ARENA_CHUNKS_MAX = 16 * 1024,
	HP_ARENA_CHUNK_GRAINS = HP_ARENA_CHUNK / HP_ARENA_GRAIN,
};

/* A handle identifies a piece by 32 bits: the number of the chunk times HP_ARENA_CHUNK_GRAINS, plus
 * the number of the piece's first grain in the chunk. The handle 0 means no piece. */
typedef uint32_t hp_handle;

/* All zeroes is a valid, empty arena. */
struct hp_arena {
	struct hp_lock lock;
	uint32_t n_chunks;
	uint32_t used; /* bytes of the newest chunk that are used */
	char *chunks[HP_ARENA_CHUNKS_MAX];
	hp_handle free_lists[HP_ARENA_PIECE_MAX / HP_ARENA_GRAIN + 1];
};

/* Returns a zeroed piece of `size` bytes. Returns 0 if there is no memory, if the lock was not
 * acquired, or if `size` is 0 or above HP_ARENA_PIECE_MAX. */
hp_handle hp_arena_alloc(struct hp_arena *arena, size_t size);

/* Frees a piece. `size` is the size with which the piece was allocated. */
void hp_arena_free(struct hp_arena *arena, hp_handle piece, size_t size);

/* Joins adjacent free pieces into larger ones. It visits every free piece, so call it only when
 * memory has run out. */
void hp_arena_join_free(struct hp_arena *arena);

/* Frees all pieces and unmaps the chunks. No other thread may be using the arena. */
void hp_arena_reset(struct hp_arena *arena);

/* Returns the address of a piece, which is valid until the piece is freed. `piece` is not 0. */
static inline void *hp_arena_at(const struct hp_arena *arena, hp_handle piece)
{
	return arena->chunks[piece / HP_ARENA_CHUNK_GRAINS] +
	       (size_t)(piece % HP_ARENA_CHUNK_GRAINS) * HP_ARENA_GRAIN;
}
