/* SPDX-License-Identifier: MIT */
/* A trampoline calls a function whose entry is patched (control/attached.h). In a library that is
 * opened late, the trampolines are the allocator underneath: trampolines.c takes the place of
 * next_alloc.c and next_jemalloc.c. */
#pragma once
#include "control/attached.h"
#include <stdbool.h>

/* Returns true if the functions that every session needs have trampolines, and for each form of
 * operator new that throws there is one by which its hook can allocate without a throw. */
bool hp_trampolines_are_enough(const uint64_t trampolines[HP_ATTACHED_N_FUNCTIONS]);

/* Sets the trampolines. Call it while no entry is patched. */
void hp_trampolines_set(const uint64_t trampolines[HP_ATTACHED_N_FUNCTIONS]);

/* The trampolines; NULL: the entry is not patched, and its hook is never called. */
extern void *hp_trampolines[HP_ATTACHED_N_FUNCTIONS] __attribute__((visibility("hidden")));
