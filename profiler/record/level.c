/* SPDX-License-Identifier: MIT */
/* Whether the level rises depends on samples of the present level and higher ones, never on how
 * many of them are of a higher level than the present one. Otherwise the estimates would be biased:
 * a rise would come at moments that are chosen by what it leaves. Two rises at once are two
 * decisions, each made by what is shown at the level that it ends. */
#include "record/level.h"
#include <string.h>

uint32_t hp_session_level;

static uint64_t n_samples[HP_N_LEVELS];
static uint32_t n_swept = HP_LIVE_SHARDS; /* shards of the present sweep that were taken on */

void hp_level_start(void)
{
	memset(n_samples, 0, sizeof(n_samples));
	n_swept = HP_LIVE_SHARDS;
	__atomic_store_n(&hp_session_level, 0, __ATOMIC_RELEASE);
}

static bool is_full(uint32_t level)
{
	uint64_t n = 0;

	for (uint32_t i = level; i < HP_N_LEVELS; i++)
		n += __atomic_load_n(&n_samples[i], __ATOMIC_RELAXED);
	return level < HP_LEVEL_MAX && n >= HP_LEVEL_SAMPLES;
}

static void rise_from(uint32_t level)
{
	uint32_t next = level + 1;

	if (__atomic_compare_exchange_n(&hp_session_level, &level, next, false, __ATOMIC_ACQ_REL,
					__ATOMIC_RELAXED) &&
	    next >= HP_LEVEL_SWEPT)
		__atomic_store_n(&n_swept, 0, __ATOMIC_RELEASE);
}

void hp_level_count(uint32_t level)
{
	uint32_t present = hp_level_now();

	if (level < present)
		return;
	__atomic_add_fetch(&n_samples[level], 1, __ATOMIC_RELAXED);
	while (is_full(present)) {
		rise_from(present);
		present = hp_level_now();
	}
}

void hp_level_sweep(hp_live_drop *drop)
{
	uint32_t shard;

	if (__builtin_expect(__atomic_load_n(&n_swept, __ATOMIC_RELAXED) >= HP_LIVE_SHARDS, true))
		return;
	shard = __atomic_fetch_add(&n_swept, 1, __ATOMIC_RELAXED);
	if (shard < HP_LIVE_SHARDS)
		hp_live_sweep(shard, drop);
}

const struct hp_view_row hp_level_view[] = {
	HP_VIEW_VARIABLE("level.now", hp_session_level),
};
