/* SPDX-License-Identifier: MIT */
/* The screen of `heapprof top`. */
#pragma once
#include <stdbool.h>

#include "command/top/top_session.h"

/* Returns whether a screen can be shown: standard input and output are a terminal that can move its
 * cursor. */
bool top_screen_is_possible(void);

/* Shows the screen until the user quits. The terminal is as before afterwards, also if a signal
 * ends the program. Prints the error; returns the exit status. */
int top_screen_run(struct top_session *session);
