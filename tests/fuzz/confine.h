/* SPDX-License-Identifier: MIT */
/* Separates the crashes of elfutils' libraries, which we link and can't fix, from our own. */
#pragma once
#include <stdbool.h>

/* Calls `run` and returns true. If it crashes in code of libdw or libelf, gives up the call, loses
 * whatever it held, and returns false. Any other crash ends the process. */
bool confine(void (*run)(void *argument), void *argument);

/* Returns how many calls were given up so far. */
unsigned long confine_n_crashes(void);
