/* SPDX-License-Identifier: MIT */
#include "base/patience.h"
#include "base/sys.h"

#define SLEEP_MAX_NS (10 * 1000 * 1000)

static int64_t at_most(int64_t ns)
{
	return ns < SLEEP_MAX_NS ? ns : SLEEP_MAX_NS;
}

void hp_patience_sleep(int64_t *patience, const uint32_t *word, uint32_t value, long ns)
{
	const struct timespec time = {.tv_nsec = at_most(ns)};
	int64_t begin = hp_sys_now_ns(), slept;

	hp_sys_futex_wait(word, value, &time);
	slept = hp_sys_now_ns() - begin;
	*patience -= at_most(slept > 0 ? slept : time.tv_nsec);
}
