/* SPDX-License-Identifier: MIT */
/* The level of a session is the logarithm of its sample interval to base 2. In a session whose
 * interval is automatic it begins at 0, so that everything is recorded. It rises by 1 each time
 * that enough samples of that level or a higher one have been taken, or that the session's samples
 * have cost more than is allowed up to that level. Nothing is moved when it rises: each sample was
 * counted under its own level (see sampler.h), and those of lower levels are no longer shown. In
 * all other sessions the level is 0.
 *
 * Any thread, from within a hook; lock-free; may allocate: no. */
#pragma once
#include "base/view.h"
#include "tables/live.h"
#include "tables/sampler.h"

enum {
	/* How many samples are enough at level 0, and at any other. After a rise about half as many
	 * are left: 4,096 samples give the whole an error of 1.6 %. */
	HP_LEVEL_FIRST_SAMPLES = 16384,
	HP_LEVEL_SAMPLES = 8192,

	/* The unit of cost is a sample whose stack is known: about 1 us with its free and its share
	 * of a dump. The first sample of a stack costs more, mostly for return addresses that no
	 * walk has met before. */
	HP_LEVEL_COST_OF_STACK = 8,
	/* The cost that is allowed until level 0 ends, and then for each level: 106,496 until the
	 * last one begins. */
	HP_LEVEL_FIRST_COST = 32768,
	HP_LEVEL_COST = 4096
};

/* Begins at level 0. No other thread may be counting. */
void hp_level_start(void);

extern uint32_t hp_session_level; /* only level.c uses it directly */

static inline uint32_t hp_level_now(void)
{
	return __atomic_load_n(&hp_session_level, __ATOMIC_ACQUIRE);
}

/* Raises the level to this one, at most HP_LEVEL_MAX, from which it goes on rising. Returns false
 * if it is higher already. */
bool hp_level_raise(uint32_t level);

/* Returns the uptime of the process, in milliseconds, at which the session came to its level, or 0
 * in a fork child that goes on at its parent's. Read it after the level: the level may rise
 * meanwhile. */
uint64_t hp_level_since_ms(void);

/* Call it in a fork child, whose uptime begins at 0. */
void hp_level_after_fork(void);

/* Counts a sample of this level; the session's level may rise. `is_new_stack` is true if it is the
 * first sample of its stack. */
void hp_level_count(uint32_t level, bool is_new_stack);

/* Call it if there is no room for a sample at this level: raises the level by 1, unless another
 * thread just has, and takes all samples that are no longer shown out of the table of live blocks,
 * so that their records can be folded. Returns false if the level is the last one. */
bool hp_level_make_room(uint32_t level, hp_live_drop *drop);

/* A sweep takes samples that are no longer shown out of the table of live blocks, and lets its
 * shards go over to the filter. It begins with a rise to HP_LEVEL_SWEPT or higher, and each sample
 * that is recorded then sweeps one shard by this call. */
void hp_level_sweep(hp_live_drop *drop);

enum {
	/* Of 2 KiB: from this interval on the filter saves more than it costs. */
	HP_LEVEL_SWEPT = 11,
};

/* Rows of the view. */
extern const struct hp_view_row hp_level_view[2];
