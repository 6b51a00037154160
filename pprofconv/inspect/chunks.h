/* SPDX-License-Identifier: MIT */
/* Chunks are the pieces into which glibc's malloc has cut its heaps: the main heap, the heaps of
 * other arenas, and large blocks with a mapping of their own. They are found by walking the heaps
 * from chunk to chunk. The target must not change meanwhile. All that is read is untrusted: a heap
 * whose chunks do not add up is reported as such, and then none of the chunks may be used. */
#pragma once
#include <stdbool.h>

#include "base/vec.h"
#include "inspect/limits.h"

enum chunk_state {
	CHUNK_IN_USE,
	CHUNK_FREE, /* in a bin, a fastbin or a thread's cache, or the top of a heap */
	CHUNK_OWN,  /* the allocator's own */
};

/* A chunk, without its header: the memory that the program got. */
struct chunk {
	uint64_t start;
	uint64_t size : 56;
	uint64_t state : 8;
};

struct chunks {
	VEC(struct chunk) items;           /* in order of addresses, none overlaps another */
	VEC(struct hp_target_range) heaps; /* the same; memory with nothing but chunks */
	size_t n_arenas, n_caches;         /* of threads */
	/* The main arena, in the C library's data, which has the address where the main heap's last
	 * chunk ends; empty if it was not found. */
	struct hp_target_range main_arena;
	char glibc[16];    /* its version, or "" if it could not be read */
	char problem[160]; /* why the chunks can't be used, or "" */
};

enum {
	CHUNKS_MAX = 1 << 28,
};

/* Walks all heaps of the target. Returns 0, also with a problem, or HP_TARGET_E. Call
 * chunks_deinit() on failure, too. */
int chunks_init(struct chunks *chunks, struct hp_target *target, struct inspect_limits *limits);
void chunks_deinit(struct chunks *chunks);

/* Returns the chunk that contains the address, or NULL. */
struct chunk *chunks_find(const struct chunks *chunks, uint64_t address);

/* Returns whether the address is in a heap. */
bool chunks_is_heap(const struct chunks *chunks, uint64_t address);
