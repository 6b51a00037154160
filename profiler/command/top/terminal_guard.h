/* SPDX-License-Identifier: MIT */
/* A terminal guard restores the terminal when a fault ends the program. Signals that ask the
 * program to end are noted, so that it can end in order. */
#pragma once
#include <stdbool.h>

/* Returns whether standard output is a terminal that can move its cursor. The others must not be
 * called unless it is. */
bool terminal_has_screen(void);

/* Begins, before the terminal is changed. */
void terminal_guard_begin(void);

/* Ends it. If a signal has asked the program to end, other than SIGINT, ends the program by it. */
void terminal_guard_end(void);

/* Returns the signal that asks the program to end, or 0. */
int terminal_guard_signal(void);
