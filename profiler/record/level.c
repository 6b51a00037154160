/* SPDX-License-Identifier: MIT */
/* Whether the level rises depends on samples of the present level and higher ones, never on how
 * many of them are of a higher level than the present one. Otherwise the estimates would be biased:
 * a rise would come at moments that are chosen by what it leaves. Two rises at once are two
 * decisions, each made by what is shown at the level that it ends. What samples have cost may be
 * looked at too: it depends on which samples were taken, and on their stacks, but not on their
 * levels. It is counted and not timed, so that a run with a seed can be repeated. Where there is no
 * room for one more sample, those of lower levels have been taken out already, so that depends on
 * the samples of the present level and higher ones, too. */
#include "record/level.h"
#include "process/process.h"
#include <string.h>

uint32_t hp_session_level;

static uint64_t n_samples[HP_N_LEVELS];
static uint64_t since_ms;
static uint64_t cost;                     /* of all samples in this session */
static uint32_t n_swept = HP_LIVE_SHARDS; /* shards of the present sweep that were taken on */

void hp_level_start(void)
{
	memset(n_samples, 0, sizeof(n_samples));
	cost = 0;
	n_swept = HP_LIVE_SHARDS;
	__atomic_store_n(&since_ms, hp_process_uptime_ms(), __ATOMIC_RELAXED);
	__atomic_store_n(&hp_session_level, 0, __ATOMIC_RELEASE);
}

uint64_t hp_level_since_ms(void)
{
	return __atomic_load_n(&since_ms, __ATOMIC_RELAXED);
}

void hp_level_after_fork(void)
{
	__atomic_store_n(&since_ms, 0, __ATOMIC_RELAXED);
}

/* Returns true if there are enough samples of this level or a higher one. */
static bool is_full(uint32_t level)
{
	uint64_t n = 0;

	for (uint32_t i = level; i < HP_N_LEVELS; i++)
		n += __atomic_load_n(&n_samples[i], __ATOMIC_RELAXED);
	return n >= (level == 0 ? HP_LEVEL_FIRST_SAMPLES : HP_LEVEL_SAMPLES);
}

static bool has_cost_too_much(uint32_t level)
{
	return __atomic_load_n(&cost, __ATOMIC_RELAXED) >=
	       HP_LEVEL_FIRST_COST + level * HP_LEVEL_COST;
}

static bool is_to_rise(uint32_t level)
{
	return level < HP_LEVEL_MAX && (is_full(level) || has_cost_too_much(level));
}

static void rise_from(uint32_t level)
{
	uint32_t next = level + 1;

	if (!__atomic_compare_exchange_n(&hp_session_level, &level, next, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED))
		return;
	__atomic_store_n(&since_ms, hp_process_uptime_ms(), __ATOMIC_RELAXED);
	if (next >= HP_LEVEL_SWEPT)
		__atomic_store_n(&n_swept, 0, __ATOMIC_RELEASE);
}

bool hp_level_raise(uint32_t level)
{
	uint32_t present = hp_level_now();

	if (present > level)
		return false;
	for (; present < level && present < HP_LEVEL_MAX; present = hp_level_now())
		rise_from(present);
	return true;
}

void hp_level_count(uint32_t level, bool is_new_stack)
{
	uint32_t present = hp_level_now();

	if (level < present)
		return;
	__atomic_add_fetch(&n_samples[level], 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&cost, is_new_stack ? HP_LEVEL_COST_OF_STACK : 1, __ATOMIC_RELAXED);
	while (is_to_rise(present)) {
		rise_from(present);
		present = hp_level_now();
	}
}

bool hp_level_make_room(uint32_t level, hp_live_drop *drop)
{
	if (level >= HP_LEVEL_MAX)
		return false;
	rise_from(level);
	for (uint32_t shard = 0; shard < HP_LIVE_SHARDS; shard++)
		hp_live_sweep(shard, drop);
	return true;
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
	HP_VIEW_VARIABLE("level.since_ms", since_ms),
};
