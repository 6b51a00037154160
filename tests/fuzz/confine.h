/* SPDX-License-Identifier: MIT */
/* Tells the crashes of elfutils' libraries, which we link and can't mend, from our own. */
#pragma once
#include <stdbool.h>

/* Calls `run`. If it crashes in code of libdw or libelf the call is given up, whatever it held is
 * lost, and false is returned; any other crash ends the process. */
bool confine(void (*run)(void *argument), void *argument);

/* How many calls were given up so far. */
unsigned long confine_n_crashes(void);
