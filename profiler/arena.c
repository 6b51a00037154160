/* SPDX-License-Identifier: MIT */
#include "arena.h"
#include <string.h>

static size_t limit_bytes_ = (size_t)256 << 20;
static size_t mapped_bytes;

void hp_memory_set_limit(size_t limit_bytes)
{
	limit_bytes_ = limit_bytes;
}

size_t hp_memory_mapped(void)
{
	return __atomic_load_n(&mapped_bytes, __ATOMIC_RELAXED);
}

void *hp_memory_map(size_t size)
{
	void *p = NULL;

	if (__atomic_add_fetch(&mapped_bytes, size, __ATOMIC_RELAXED) <= limit_bytes_)
		p = hp_sys_mmap(size, PROT_READ | PROT_WRITE);
	if (!p)
		__atomic_sub_fetch(&mapped_bytes, size, __ATOMIC_RELAXED);
	return p;
}

void hp_memory_unmap(void *p, size_t size)
{
	if (!p)
		return;
	hp_sys_munmap(p, size);
	__atomic_sub_fetch(&mapped_bytes, size, __ATOMIC_RELAXED);
}

static hp_handle take_free(struct hp_arena *arena, size_t n_grains)
{
	hp_handle piece = arena->free_lists[n_grains];

	if (piece)
		arena->free_lists[n_grains] = *(hp_handle *)hp_arena_at(arena, piece);
	return piece;
}

static hp_handle cut_new(struct hp_arena *arena, size_t size)
{
	if (arena->n_chunks == 0 || arena->used + size > HP_ARENA_CHUNK) {
		if (arena->n_chunks == HP_ARENA_CHUNKS_MAX)
			return 0;
		char *chunk = hp_memory_map(HP_ARENA_CHUNK);

		if (!chunk)
			return 0;
		/* The first grain of the first chunk stays unused: its handle would be 0. */
		arena->used = arena->n_chunks == 0 ? HP_ARENA_GRAIN : 0;
		arena->chunks[arena->n_chunks++] = chunk;
	}
	hp_handle piece = (arena->n_chunks - 1) * (HP_ARENA_CHUNK / HP_ARENA_GRAIN) +
			  arena->used / HP_ARENA_GRAIN;

	arena->used += size;
	return piece;
}

hp_handle hp_arena_alloc(struct hp_arena *arena, size_t size)
{
	size_t n_grains = (size + HP_ARENA_GRAIN - 1) / HP_ARENA_GRAIN;
	hp_handle piece;

	if (size == 0 || size > HP_ARENA_PIECE_MAX || !hp_lock_acquire(&arena->lock))
		return 0;
	piece = take_free(arena, n_grains);
	if (piece)
		memset(hp_arena_at(arena, piece), 0, n_grains * HP_ARENA_GRAIN);
	else
		piece = cut_new(arena, n_grains * HP_ARENA_GRAIN);
	hp_lock_release(&arena->lock);
	return piece;
}

void hp_arena_free(struct hp_arena *arena, hp_handle piece, size_t size)
{
	size_t n_grains = (size + HP_ARENA_GRAIN - 1) / HP_ARENA_GRAIN;

	if (!hp_lock_acquire(&arena->lock))
		return; /* lost until the reset */
	*(hp_handle *)hp_arena_at(arena, piece) = arena->free_lists[n_grains];
	arena->free_lists[n_grains] = piece;
	hp_lock_release(&arena->lock);
}

void hp_arena_reset(struct hp_arena *arena)
{
	for (uint32_t i = 0; i < arena->n_chunks; i++)
		hp_memory_unmap(arena->chunks[i], HP_ARENA_CHUNK);
	memset(arena, 0, sizeof(*arena));
}
