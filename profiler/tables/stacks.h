/* SPDX-License-Identifier: MIT */
/* A stack is a distinct sequence of frames. It is kept once, and under it the counts of its
 * records: one record for each size class. Stacks are in shards, each with a lock that is held for
 * a look-up only; a copy takes none.
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
	uint64_t free_objects, free_bytes;   /* of those, the freed ones; never more */
};

/* Counts one allocation of `size` bytes with that stack (see hp_frame_make), in that stripe: any
 * number, but 0 if size classes are used. Returns its record, which stays as long as it has an
 * allocation that is not counted as freed. Returns 0 if there is no room, even after stacks with
 * nothing in use were folded into one, or if the lock was not acquired. */
hp_handle hp_stacks_count_alloc(const uint64_t *frames, size_t n_frames, uint32_t size_class,
				uint64_t size, uint32_t stripe);

/* Counts one allocation as freed. `record` came from hp_stacks_count_alloc() with the same size. */
void hp_stacks_count_free(hp_handle record, uint64_t size);

/* Takes an allocation out of the counts altogether: a fork child has freed what it inherited. */
void hp_stacks_uncount_alloc(hp_handle record, uint64_t size);

/* Counts `size` bytes of an allocation as freed, the rest of which stays in use. */
void hp_stacks_count_trimmed(hp_handle record, uint64_t size);

/* Counts that one allocation has become two. Both are to be counted as freed, each with its own
 * size. */
void hp_stacks_count_split(hp_handle record);

/* Counts that two allocations are one again, and that `size` bytes of it are freed. */
void hp_stacks_count_joined(hp_handle record, uint64_t size);

/* Forgets everything. Nobody may be counting. */
void hp_stacks_reset(void);

/* In a fork child: releases the locks. Allocated counts begin with what is in use now. */
void hp_stacks_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_stacks_view[27];
