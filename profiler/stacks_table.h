/* SPDX-License-Identifier: MIT */
/* The table of stacks itself, for those two that know its inside: stacks.c, which counts in it, and
 * stacks_copy.c, which reads it while others count. */
#pragma once
#include "stacks.h"

enum {
	SHARDS_A_STRIPE = 64,
	N_SHARDS = SHARDS_A_STRIPE * HP_STRIPES,
	/* All pieces are so many bytes or a multiple: what one thread counts in all the time shares
	 * no line with what another does. */
	CACHE_LINE = 64
};

struct record {
	struct hp_counts counts;
	hp_handle next; /* of the same stack */
	hp_handle stack;
	uint32_t size_class;
	uint32_t fork_epoch; /* counts.free_* of an older epoch belong to the parent's history */
} __attribute__((aligned(CACHE_LINE)));

struct stack {
	hp_handle next; /* of the same bucket */
	hp_handle records;
	uint32_t hash;
	uint16_t n_frames;
	uint16_t stripe;
	uint64_t frames[];
};

struct shard {
	struct hp_lock lock;
	uint32_t n_changes; /* what is on its way in or out: see begin_change() */
	hp_handle *buckets;
	uint32_t n_buckets, n_stacks, n_records;
	uint32_t n_emptied; /* records whose last block was freed, since the last sweep */
	struct hp_counts folded;
} __attribute__((aligned(CACHE_LINE)));

struct hp_stacks_table {
	struct shard shards[N_SHARDS];
	struct hp_arena arena; /* of records and stacks */
	uint32_t fork_epoch;
	uint32_t n_copies; /* while there are any, nothing is folded */
};

extern struct hp_stacks_table hp_stacks_table;

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

static inline struct shard *shard_of_record(hp_handle record)
{
	const struct stack *stack = stack_at(record_at(record)->stack);

	return shard_of(stack->hash, stack->stripe);
}

/* A signal handler that finds its own thread in between can't read the shard. */
static inline void begin_change(struct shard *s)
{
	s->n_changes++;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline void end_change(struct shard *s)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	s->n_changes--;
}

/* The record with its counts as this process has them: what the parent had freed before the fork is
 * no news of the child's. Its shard is locked. */
static inline struct record *current_record(hp_handle h)
{
	struct record *r = record_at(h);

	if (r->fork_epoch != hp_stacks_table.fork_epoch) {
		struct shard *s = shard_of_record(h);

		begin_change(s);
		r->counts.alloc_objects -= r->counts.free_objects;
		r->counts.alloc_bytes -= r->counts.free_bytes;
		r->counts.free_objects = r->counts.free_bytes = 0;
		r->fork_epoch = hp_stacks_table.fork_epoch;
		end_change(s);
	}
	return r;
}
