/* SPDX-License-Identifier: MIT */
#include "base/arena.h"
#include "base/memory.h"
#include <string.h>

enum {
	N_LISTS = HP_ARENA_PIECE_MAX / HP_ARENA_GRAIN + 1,
	/* A chunk begins with a bitmap, one bit for each of its grains, which hp_arena_join_free()
	 * uses. Grain 0 of the first chunk is part of its bitmap, so no piece has handle 0. */
	BITS_SIZE = HP_ARENA_CHUNK_GRAINS / 8
};

static void put_free(struct hp_arena *arena, hp_handle piece, size_t n_grains)
{
	*(hp_handle *)hp_arena_at(arena, piece) = arena->free_lists[n_grains];
	arena->free_lists[n_grains] = piece;
}

static hp_handle take_free(struct hp_arena *arena, size_t n_grains)
{
	hp_handle piece = arena->free_lists[n_grains];

	if (piece)
		arena->free_lists[n_grains] = *(hp_handle *)hp_arena_at(arena, piece);
	return piece;
}

/* Cuts a piece of `n_grains` off a larger free piece and returns it. Returns 0 if no free piece is
 * larger. */
static hp_handle split_free(struct hp_arena *arena, size_t n_grains)
{
	for (size_t n = n_grains + 1; n < N_LISTS; n++) {
		hp_handle piece = take_free(arena, n);

		if (!piece)
			continue;
		put_free(arena, piece + n_grains, n - n_grains);
		return piece;
	}
	return 0;
}

/* Returns the size of a chunk in bytes. The first chunk is smaller than the others, but its grains
 * are numbered as if it were not; the handles beyond its end are not used. */
static size_t size_of_chunk(hp_handle chunk)
{
	return chunk == 0 ? HP_ARENA_FIRST : HP_ARENA_CHUNK;
}

static bool is_full(const struct hp_arena *arena, size_t size)
{
	return arena->n_chunks == 0 || arena->used + size > size_of_chunk(arena->n_chunks - 1);
}

static hp_handle cut_new(struct hp_arena *arena, size_t size)
{
	if (is_full(arena, size)) {
		if (arena->n_chunks == HP_ARENA_CHUNKS_MAX)
			return 0;
		char *chunk = hp_memory_map(size_of_chunk(arena->n_chunks));

		if (!chunk)
			return 0;
		arena->used = BITS_SIZE;
		arena->chunks[arena->n_chunks++] = chunk;
	}
	hp_handle piece =
		(arena->n_chunks - 1) * HP_ARENA_CHUNK_GRAINS + arena->used / HP_ARENA_GRAIN;

	arena->used += size;
	return piece;
}

hp_handle hp_arena_alloc(struct hp_arena *arena, size_t size)
{
	size_t n_grains = (size + HP_ARENA_GRAIN - 1) / HP_ARENA_GRAIN;
	hp_handle piece;
	bool is_new = false; /* cut from a chunk's unused end, which is still zeroed */

	if (size == 0 || size > HP_ARENA_PIECE_MAX || !hp_lock_acquire(&arena->lock))
		return 0;
	piece = take_free(arena, n_grains);
	if (!piece)
		is_new = (piece = cut_new(arena, n_grains * HP_ARENA_GRAIN)) != 0;
	if (!piece)
		piece = split_free(arena, n_grains);
	if (piece && !is_new)
		memset(hp_arena_at(arena, piece), 0, n_grains * HP_ARENA_GRAIN);
	hp_lock_release(&arena->lock);
	return piece;
}

void hp_arena_free(struct hp_arena *arena, hp_handle piece, size_t size)
{
	if (!hp_lock_acquire(&arena->lock))
		return; /* the piece is lost until the reset */
	put_free(arena, piece, (size + HP_ARENA_GRAIN - 1) / HP_ARENA_GRAIN);
	hp_lock_release(&arena->lock);
}

/* --- joining ------------------------------------------------------------------------------- */

static uint8_t *bits_of(struct hp_arena *arena, hp_handle grain)
{
	return (uint8_t *)arena->chunks[grain / HP_ARENA_CHUNK_GRAINS] +
	       grain % HP_ARENA_CHUNK_GRAINS / 8;
}

/* Empties the free lists, and sets the bit of each grain of the pieces that were on them. */
static void mark_free_grains(struct hp_arena *arena)
{
	for (size_t n = 1; n < N_LISTS; n++)
		for (hp_handle piece; (piece = take_free(arena, n)) != 0;)
			for (hp_handle grain = piece; grain < piece + n; grain++)
				*bits_of(arena, grain) |= 1 << grain % 8;
}

static bool unmark(struct hp_arena *arena, hp_handle grain)
{
	uint8_t *bits = bits_of(arena, grain), bit = 1 << grain % 8;
	bool was_marked = *bits & bit;

	*bits &= ~bit;
	return was_marked;
}

static void put_marked_runs(struct hp_arena *arena, hp_handle begin, hp_handle end)
{
	size_t n = 0; /* length of the run of marked grains that ends before `grain` */

	for (hp_handle grain = begin; grain < end; grain++) {
		bool is_marked = unmark(arena, grain);

		if (n > 0 && (!is_marked || n == N_LISTS - 1)) {
			put_free(arena, grain - n, n);
			n = 0;
		}
		n += is_marked;
	}
	if (n > 0)
		put_free(arena, end - n, n);
}

void hp_arena_join_free(struct hp_arena *arena)
{
	if (!hp_lock_acquire(&arena->lock))
		return;
	mark_free_grains(arena);
	for (hp_handle chunk = 0; chunk < arena->n_chunks; chunk++)
		put_marked_runs(arena, chunk * HP_ARENA_CHUNK_GRAINS,
				chunk * HP_ARENA_CHUNK_GRAINS +
					size_of_chunk(chunk) / HP_ARENA_GRAIN);
	hp_lock_release(&arena->lock);
}

void hp_arena_reset(struct hp_arena *arena)
{
	for (uint32_t i = 0; i < arena->n_chunks; i++)
		hp_memory_unmap(arena->chunks[i], size_of_chunk(i));
	memset(arena, 0, sizeof(*arena));
}
