/* SPDX-License-Identifier: MIT */
/* Dumps of libheapprof may have records of pools: of the blocks that a pool has taken from malloc,
 * and of the objects that it has handed out, which are parts of those blocks. A profile of such a
 * dump has two views. In `inuse_space` and its siblings, a pool's objects take the place of its
 * blocks, and one row, POOL_SLACK_FUNCTION, has what the blocks have more. In `malloc_inuse_space`
 * and its siblings there are blocks and no objects. Both views of the memory in use have the same
 * sum.
 *
 * The row is one sample, with the label `memory` = `pool slack`, and may be negative where the dump
 * is sampled. analysis/estimate.c finds its error in the samples of blocks and objects. */
#pragma once
#include "base/cursor.h"
#include "model/pool_labels.h"
#include "readers/heap_builder.h"

enum heap_memory {
	HEAP_MALLOC,
	HEAP_POOL_BLOCK,
	HEAP_POOL_OBJECT,
};

struct heap_pool {
	uint64_t id;
	uint32_t name, path; /* strings; the name is the last part of the path */
};

struct heap_pools {
	VEC(struct heap_pool) pools;
	int64_t slack; /* bytes of blocks in use, less those of objects */
	uint32_t memory_key, pool_key, path_key;
};

/* Adds the pool of a line `# pools: ID KIND PATH`, without its key. The first pool adds the sample
 * types of malloc's view, so it must come before any record. Returns NULL, or what was expected. */
const char *heap_pools_add(struct heap_pools *pools, struct heap_builder *builder,
			   struct cursor text);

/* Returns the pool with this ID, or NULL if there is none. */
const struct heap_pool *heap_pools_find(const struct heap_pools *pools, uint64_t id);

/* Adds a record, with the stack that heap_builder_take_stack() has made. `pool` is NULL for
 * HEAP_MALLOC. Without any pool, this is heap_builder_add(). */
void heap_pools_add_record(struct heap_pools *pools, struct heap_builder *builder,
			   const struct heap_counts *counts, const struct profile_label *label,
			   enum heap_memory memory, const struct heap_pool *pool);

/* Adds the row of slack, after all records. */
void heap_pools_finish(struct heap_pools *pools, struct heap_builder *builder);

void heap_pools_deinit(struct heap_pools *pools);
