/* SPDX-License-Identifier: MIT */
/* The stacks table is the data structure in which stacks.h counts. Two files use it directly:
 * stacks.c, which counts, and stacks_copy.c, which reads the counts meanwhile. */
#pragma once
#include "tables/sampler.h"
#include "tables/stacks.h"
#include <stddef.h>

enum {
	SHARDS_A_STRIPE = 64,
	N_SHARDS = SHARDS_A_STRIPE * HP_STRIPES,
	/* The size of every piece is a multiple of this, so that what one thread often writes
	 * shares no cache line with what another thread often writes. */
	CACHE_LINE = 64
};

/* `ended` and `begun` are the numbers of changes of the counts that have ended and begun. They
 * differ while a change is under way. A reader that reads `ended`, then the counts, then `begun`,
 * and finds the two equal has counts of one moment (L. Lamport, "Concurrent Reading and Writing").
 */
struct record {
	uint32_t ended;      /* written after the counts */
	uint32_t fork_epoch; /* if it is not the present epoch, counts.free_* belong to the
				parent process */
	struct hp_counts counts;
	hp_handle next;     /* the next record of the same stack */
	hp_handle in_chain; /* the next record of the same record bucket */
	hp_handle older;    /* the next older record of the same shard */
	hp_handle stack;    /* 0: the record is folded, and about to be freed */
	uint32_t key;       /* see hp_stacks_key() */
	uint32_t begun;     /* written before the counts */
} __attribute__((aligned(CACHE_LINE)));

_Static_assert(sizeof(struct record) == CACHE_LINE, "a record fills one cache line");

struct stack {
	hp_handle next; /* the next stack of the same bucket */
	hp_handle records;
	uint32_t hash;
	uint16_t n_frames;
	uint16_t stripe;
	uint64_t frames[];
};

/* Records are found by their stack and key at once, in record buckets: a stack may have a
 * hundred records. Stacks are looked up only for a new record.
 *
 * Copies read newest, n_stacks, n_records and fold_version without the lock, so these are written
 * atomically; so are the counts, ended, begun and fork_epoch of a record. The other fields of a
 * record are written before it becomes the newest. Copies don't read a record's `next`, and read
 * what was folded only while nothing is being folded. */
struct shard {
	struct hp_lock lock;
	uint32_t fold_version; /* odd while records are being freed */
	hp_handle newest;      /* the newest record */
	uint32_t n_buckets, n_stacks, n_records;
	hp_handle *buckets, *record_buckets;
	uint32_t n_record_buckets; /* a power of two, as n_buckets is */
	uint32_t n_emptied;        /* records whose last block was freed since the last sweep */
	uint32_t folded_levels;    /* a bit for each level with counts in hp_stacks_table.folded */
} __attribute__((aligned(CACHE_LINE)));

_Static_assert(sizeof(struct shard) == CACHE_LINE, "a shard fills one cache line");

struct hp_stacks_table {
	struct shard shards[N_SHARDS];
	/* The counts of what was folded. Its pages are first touched when memory has run out. */
	struct hp_counts folded[N_SHARDS][HP_N_LEVELS];
	struct hp_arena arena; /* where records and stacks are allocated */
	uint32_t fork_epoch;
	uint32_t n_copies; /* copies that exist now; while there are any, nothing is folded */
};

extern struct hp_stacks_table hp_stacks_table;

static inline struct hp_counts *folded_of(const struct shard *s)
{
	return hp_stacks_table.folded[s - hp_stacks_table.shards];
}

static inline struct record *record_at(hp_handle h)
{
	return hp_arena_at(&hp_stacks_table.arena, h);
}

static inline struct stack *stack_at(hp_handle h)
{
	return hp_arena_at(&hp_stacks_table.arena, h);
}

static inline struct shard *shard_of(uint32_t hash, uint32_t stripe)
{
	return &hp_stacks_table.shards[stripe * SHARDS_A_STRIPE + hash % SHARDS_A_STRIPE];
}

static inline struct shard *shard_of_stack(hp_handle stack)
{
	return shard_of(stack_at(stack)->hash, stack_at(stack)->stripe);
}

/* Returns the counts of this process only: what its parent had freed before the fork is
 * subtracted. */
static inline struct hp_counts counts_since_fork(struct hp_counts counts, uint32_t fork_epoch)
{
	if (fork_epoch == hp_stacks_table.fork_epoch)
		return counts;
	return (struct hp_counts){
		.alloc_objects = counts.alloc_objects - counts.free_objects,
		.alloc_bytes = counts.alloc_bytes - counts.free_bytes,
	};
}
