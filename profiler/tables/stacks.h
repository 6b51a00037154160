/* SPDX-License-Identifier: MIT */
/* A stack is a distinct sequence of frames. It is stored once, with one record of counts for each
 * size class and level: see sampler.h. Stacks are in shards; each shard has a lock that is held
 * only for a look-up. A copy takes no lock.
 *
 * Threads that record everything and run the same code have the same stacks, and would wait for the
 * same lock in each malloc. So there are stripes: each stripe counts a stack separately, and copies
 * add up the counts. Any thread, from within a hook; may allocate: no. */
#pragma once
#include "base/arena.h"
#include "base/view.h"

enum {
	HP_STRIPES = 4
};

struct hp_counts {
	uint64_t alloc_objects, alloc_bytes; /* of all recorded allocations */
	uint64_t free_objects, free_bytes;   /* of the allocations above, those that were freed */
};

/* A key is a size class and a level in one number: what tells the records of a stack apart. */
static inline uint32_t hp_stacks_key(uint32_t size_class, uint32_t level)
{
	return level << 16 | size_class;
}

static inline uint32_t hp_stacks_key_level(uint32_t key)
{
	return key >> 16;
}

/* Counts one allocation of `size` bytes with the stack `frames` (see hp_frame_make) in a stripe.
 * `stripe` is any number, but 0 if there are keys other than 0. A key's level is below HP_N_LEVELS.
 * Returns the record, which exists as long as it has an allocation that is not counted as freed.
 * Returns 0 if there is no room, even after stacks with nothing in use were folded, or if the lock
 * was not acquired. */
hp_handle hp_stacks_count_alloc(const uint64_t *frames, size_t n_frames, uint32_t key,
				uint64_t size, uint32_t stripe);

/* Returns the level of a record that has an allocation in use. */
uint32_t hp_stacks_level(hp_handle record);

/* Returns true if the record's only allocation is the only one of its stack, in this stripe. Call
 * it after hp_stacks_count_alloc(), to learn whether the stack is new; another thread that counts
 * the same stack may make it seem old. */
bool hp_stacks_is_new(hp_handle record);

/* Copies up to `max` frames of the stack of a record that has an allocation in use, and returns
 * their number. Sets *out_key to the record's key. */
size_t hp_stacks_read(hp_handle record, uint64_t *frames, size_t max, uint32_t *out_key);

/* Counts one allocation as freed. `record` is what hp_stacks_count_alloc() returned for it, with
 * the same `size`. */
void hp_stacks_count_free(hp_handle record, uint64_t size);

/* Removes an allocation from the counts, as if it had never been allocated. For a fork child that
 * has freed an allocation of its parent. */
void hp_stacks_uncount_alloc(hp_handle record, uint64_t size);

/* Counts `size` bytes of an allocation as freed. The rest of the allocation stays in use. */
void hp_stacks_count_trimmed(hp_handle record, uint64_t size);

/* Counts that one allocation has become two. Each of them is later to be counted as freed, with its
 * own size. */
void hp_stacks_count_split(hp_handle record);

/* Counts that two allocations have become one again, and that `size` bytes of it are freed. */
void hp_stacks_count_joined(hp_handle record, uint64_t size);

/* Forgets all stacks and counts. No other thread may be counting. */
void hp_stacks_reset(void);

/* Call it in a fork child. Releases the locks. The allocated counts begin with what is in use
 * now. */
void hp_stacks_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_stacks_view[29];
