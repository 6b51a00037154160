/* SPDX-License-Identifier: MIT */
/* The level of a session is the logarithm of its sample interval to base 2. In a session whose
 * interval is automatic it begins at 0, so that everything is recorded, and rises by 1 each time
 * that HP_LEVEL_SAMPLES samples of that level or a higher one have been taken. Nothing is moved
 * when it rises: each sample was counted under its own level (see sampler.h), and those of lower
 * levels are no longer shown. In all other sessions the level is 0.
 *
 * Any thread, from within a hook; lock-free; may allocate: no. */
#pragma once
#include "base/view.h"
#include "tables/live.h"
#include "tables/sampler.h"

enum {
	/* After a rise about half as many are left: 8,192 samples give the whole an error of 1 %.
	 */
	HP_LEVEL_SAMPLES = 16384,
};

/* Begins at level 0. No other thread may be counting. */
void hp_level_start(void);

extern uint32_t hp_session_level; /* only level.c uses it directly */

static inline uint32_t hp_level_now(void)
{
	return __atomic_load_n(&hp_session_level, __ATOMIC_ACQUIRE);
}

/* Counts a sample of this level; the session's level may rise. */
void hp_level_count(uint32_t level);

/* A sweep takes samples that are no longer shown out of the table of live blocks, and lets its
 * shards go over to the filter. It begins with a rise to HP_LEVEL_SWEPT or higher, and each sample
 * that is recorded then sweeps one shard by this call. */
void hp_level_sweep(hp_live_drop *drop);

enum {
	/* Of 2 KiB: from this interval on the filter saves more than it costs. */
	HP_LEVEL_SWEPT = 11,
};

/* Rows of the view. */
extern const struct hp_view_row hp_level_view[1];
