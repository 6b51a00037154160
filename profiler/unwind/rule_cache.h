/* SPDX-License-Identifier: MIT */
/* The rule cache keeps frame rules, by address, once they have been worked out: reading one from
 * the unwind tables takes ten thousand times as long as finding it here. If keys evict each other
 * too often it grows, from 16,384 rules to 262,144 (6 MiB). A C++ compiler allocates from 11,000
 * addresses; with a cache that stayed small, and exact recording, it spent more than a third of its
 * time on reading tables.
 *
 * The cache is read and written without a lock. Any thread, from within a hook, and in a fork
 * child; may allocate: no. */
#pragma once
#include "unwind/frame_rule.h"

enum {
	HP_RULE_FOREVER = 0 /* the epoch of rules that never expire: see hp_modules_epoch() */
};

/* Maps the cache, once; later calls do nothing. Call it first. Returns false if there is no memory:
 * then the other functions must not be called. */
bool hp_rule_cache_init(void);

/* Stores the rule for `key`, which is not 0. Returns false if the cache has none, or only one of
 * another epoch. */
bool hp_rule_cache_find(uint64_t key, uint32_t epoch, struct hp_frame_rule *out);

/* Keeps a rule that is valid in the epoch `valid_in`; `epoch` is the present one. */
void hp_rule_cache_put(uint64_t key, uint32_t valid_in, uint32_t epoch,
		       const struct hp_frame_rule *rule);
