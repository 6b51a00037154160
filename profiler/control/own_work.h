/* SPDX-License-Identifier: MIT */
/* Own work is what the profiler does outside of hooks: the allocations that a thread makes
 * meanwhile count as the profiler's, not the program's. */
#pragma once
#include "base/tls.h"
#include <errno.h>

/* Begins own work. Returns the program's errno, which hp_own_work_end() restores. */
static inline int hp_own_work_begin(void)
{
	hp_tls.in_hook++;
	return errno;
}

static inline void hp_own_work_end(int saved_errno)
{
	errno = saved_errno;
	hp_tls.in_hook--;
}
