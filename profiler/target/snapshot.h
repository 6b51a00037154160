/* SPDX-License-Identifier: MIT */
/* A snapshot is the text of the dump that a target could write at this moment. */
#pragma once
#include "target/target.h"

/* The recorded blocks of a target that are in use, and the stacks that allocated them. */
struct hp_snapshot_block {
	uint64_t address, size; /* as the program asked for */
	uint32_t stack;         /* number */
};

struct hp_snapshot_stack {
	size_t first_frame; /* in `frames` */
	uint32_t n_frames;
};

struct hp_snapshot_blocks {
	struct hp_snapshot_block *blocks; /* in order of addresses; hidden samples are left out */
	size_t n_blocks;
	struct hp_snapshot_stack *stacks;
	size_t n_stacks;
	uint64_t *frames; /* return addresses as in the dump, leaf first */
	size_t n_frames;
	struct hp_target_range *own; /* the profiler's own memory, which holds addresses of blocks:
					in order of addresses */
	size_t n_own;
	uint64_t interval; /* the sample interval, 1 if all blocks are recorded */
	size_t n_changing; /* shards that were being changed: what they hold may be incomplete */
};

struct hp_snapshot_counts { /* of one snapshot, for tests */
	size_t n_records, n_read_again, n_taken_as_they_were, n_attempts;
};

/* Reads the profiler's tables in the target and prints them. The caller frees *out_text.
 * `out_counts` may be NULL. Returns 0 or HP_TARGET_E. */
int hp_snapshot_dump(struct hp_target *t, char **out_text, size_t *out_size,
		     struct hp_snapshot_counts *out_counts);

/* Works with the blocks while the target is stopped. Returns 0 or HP_TARGET_E. */
typedef int hp_snapshot_look(struct hp_target *t, const struct hp_snapshot_blocks *blocks,
			     void *context);

/* Does what hp_snapshot_dump() does, and calls `look` before the target is let go. */
int hp_snapshot_dump_and_look(struct hp_target *t, hp_snapshot_look *look, void *context,
			      char **out_text, size_t *out_size);
