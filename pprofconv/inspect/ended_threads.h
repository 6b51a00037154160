/* SPDX-License-Identifier: MIT */
/* The C library keeps the stacks of ended threads for new ones. The program can't reach the words
 * that are left in them, and in the thread-local storage at their top. */
#pragma once
#include "target/target.h"

/* Returns the end of that part of a mapping, from its start on, or its start if it is not the stack
 * of an ended thread. The thread's descriptor comes after it, since that has the thread's result.
 */
uint64_t ended_threads_find(struct hp_target *target, const struct hp_target_mapping *mapping,
			    const struct hp_target_threads *threads);
