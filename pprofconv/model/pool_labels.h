/* SPDX-License-Identifier: MIT */
/* The labels of profiles with pools. A pool is an arena of the program's own: it takes blocks from
 * malloc, and hands out objects, which are parts of them. In the sample type `inuse_space` and its
 * siblings the objects take the place of the blocks, and one row has what the blocks have more. In
 * `malloc_inuse_space` and its siblings there are blocks and no objects. */
#pragma once
#include "model/profile.h"

/* What kind of memory a sample is. */
#define POOL_LABEL_MEMORY  "memory"
#define POOL_MEMORY_MALLOC "malloc"
#define POOL_MEMORY_BLOCK  "pool block"
#define POOL_MEMORY_OBJECT "pool object"
#define POOL_MEMORY_SLACK  "pool slack"

/* The name of a sample's pool, and the names of the pools that contain it, with '/' between them.
 */
#define POOL_LABEL_NAME "pool"
#define POOL_LABEL_PATH "pool_path"

/* The function of the row, and what begins the names of malloc's sample types. */
#define POOL_SLACK_FUNCTION "(pool slack)"
#define POOL_MALLOC_PREFIX  "malloc_"

/* Which samples of a profile are the slack of pools. */
struct pool_slack {
	uint32_t memory_key, slack; /* strings; 0: the profile has no such sample */
};

void pool_slack_init(struct pool_slack *slack, const struct profile *profile);
bool pool_slack_is(const struct pool_slack *slack, const struct profile *profile, size_t sample);

/* Returns the index of the sample type that has the blocks in place of the objects of the sample
 * type with the index `value`, or -1 if there is none. */
int pool_malloc_sibling(const struct profile *profile, size_t value);
