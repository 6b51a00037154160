/* SPDX-License-Identifier: MIT */
/* Nodes are the blocks between which pointers are looked for: the chunks of glibc's malloc that are
 * in use or, where these can't be used, the recorded blocks. Each recorded block is a node of the
 * size that the program asked for. */
#pragma once
#include "inspect/chunks.h"
#include "target/snapshot.h"

struct node {
	uint64_t start, size;
	uint32_t block; /* the recorded one, or NODE_NO_BLOCK */
};

#define NODE_NO_BLOCK UINT32_MAX

struct nodes {
	VEC(struct node) items; /* in order of addresses, none overlaps another */
	bool are_chunks;        /* false: recorded blocks only */
	char problem[200];      /* why they are not chunks, or "" */
	/* For each page with a node, the number of the first one that ends after its start: by a
	 * hash of 2 MiB granules. */
	uint64_t *granules; /* plus 1; 0: an empty place */
	uint32_t *firsts;   /* 512 for each place */
	size_t n_places, n_granules;
	uint8_t filter[1 << 16]; /* of granules, modulo its size */
};

/* Makes the nodes. `blocks` may be NULL: nothing is recorded. Returns 0 or -ENOMEM. Call
 * nodes_deinit() on failure, too. */
int nodes_init(struct nodes *nodes, const struct chunks *chunks,
	       const struct hp_snapshot_blocks *blocks);
void nodes_deinit(struct nodes *nodes);

/* Returns the number of the node that contains the address, or NODE_NO_BLOCK. */
uint32_t nodes_find(const struct nodes *nodes, uint64_t address);
