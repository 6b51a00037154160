/* SPDX-License-Identifier: MIT */
/* Frame rules by address, as far as they have been worked out: reading one from the unwind tables
 * takes ten thousand times as long as finding it here. Keys that come too often into each other's
 * way make it grow, from 16,384 rules to 262,144 (6 MiB): a C++ compiler allocates from 11,000
 * addresses, and with a cache that stayed small it spent more than a third of its time with exact
 * recording on reading tables.
 *
 * Read and written without a lock. Any thread, from within a hook, and in a fork child. */
#pragma once
#include "unwind/frame_rule.h"

enum {
	HP_RULE_FOREVER = 0 /* epoch of what never goes: see hp_modules_epoch() */
};

/* To be called first, and as often as one likes. False if there is no memory: then the others must
 * not be called. */
bool hp_rule_cache_init(void);

/* False if it has none for the key, or one of another epoch. Keys are not 0. */
bool hp_rule_cache_find(uint64_t key, uint32_t epoch, struct hp_frame_rule *out);

/* Remembers a rule that holds in `valid_in`; `epoch` is the present one. */
void hp_rule_cache_put(uint64_t key, uint32_t valid_in, uint32_t epoch,
		       const struct hp_frame_rule *rule);
