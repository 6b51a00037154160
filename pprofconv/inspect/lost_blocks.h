/* SPDX-License-Identifier: MIT */
/* A lost block is one to which no chain of pointers leads from outside the heap: the program can
 * never free it. It is lost indirectly if a pointer to it is in another lost block, so that to free
 * that one properly would free both; of a ring, one block is lost directly. */
#pragma once
#include "inspect/heap_graph.h"

struct lost_block {
	uint64_t address, size;
	uint32_t block; /* number in struct hp_snapshot_blocks, or NODE_NO_BLOCK: not recorded */
	bool is_direct;
};

struct lost_blocks {
	VEC(struct lost_block) items; /* in order of addresses */
};

/* Finds the lost blocks. Returns 0 or -ENOMEM. Call lost_blocks_deinit() on failure, too. */
int lost_blocks_init(struct lost_blocks *lost, const struct heap_graph *graph);
void lost_blocks_deinit(struct lost_blocks *lost);
