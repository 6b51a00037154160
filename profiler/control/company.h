/* SPDX-License-Identifier: MIT */
/* Company is what else in the process takes the place of the allocator's functions: other
 * allocators, other profilers, and other copies of this library. These functions ask the loader, so
 * they must not be called from within a hook. */
#pragma once
#include <stdbool.h>

/* Returns true, and reports it, if another copy of this library comes before this one. The first
 * copy gets each call and forwards it to the second, so only the first may record. */
bool hp_company_must_step_aside(void);

/* Reports an allocator that comes before ours, because nothing is recorded then. Stops tcmalloc's
 * own heap profiler, which HEAPPROFILE starts too and which would write files of the same names.
 * Does nothing if no session is running. The library's constructor calls it. */
void hp_company_check(void);
