/* SPDX-License-Identifier: MIT */
/* Tells crashes of elfutils' libraries, which we link and can't fix, from our own crashes. */
#pragma once
#include <stdbool.h>

/* Calls `run` and returns true. If it crashes in the code of libdw or libelf, gives up the call,
 * leaks what it had allocated, and returns false. Any other crash ends the process. */
bool confine(void (*run)(void *argument), void *argument);

/* Returns how many calls have been given up so far. */
unsigned long confine_n_crashes(void);
