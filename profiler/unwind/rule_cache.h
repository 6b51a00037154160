/* SPDX-License-Identifier: MIT */
/* The rule cache keeps frame rules by their addresses once they have been worked out: reading a
 * rule from the unwind tables takes ten thousand times as long as finding it in the cache. If rules
 * replace each other too often, the cache grows, from 16,384 rules up to 262,144 (6 MiB). A C++
 * compiler, for example, allocates from 11,000 addresses; with a cache that did not grow, and exact
 * recording, it spent more than a third of its time reading tables.
 *
 * The cache is read and written without a lock. Any thread, from within a hook, and in a fork
 * child; may allocate: no. */
#pragma once
#include "unwind/frame_rule.h"

enum {
	HP_RULE_FOREVER = 0 /* the epoch of rules that never expire: see hp_modules_epoch() */
};

/* Maps the cache; if it is already mapped, does nothing. Call it before the other functions. If
 * there is no memory, returns false, and the other functions must not be called. */
bool hp_rule_cache_init(void);

/* Sets *out to the rule for `key`, which is not 0. Returns false if the cache has no rule for it
 * that is valid in `epoch`. */
bool hp_rule_cache_find(uint64_t key, uint32_t epoch, struct hp_frame_rule *out);

/* Keeps a rule for `key`. The rule is valid in the epoch `valid_in`; `epoch` is the present one. */
void hp_rule_cache_put(uint64_t key, uint32_t valid_in, uint32_t epoch,
		       const struct hp_frame_rule *rule);
