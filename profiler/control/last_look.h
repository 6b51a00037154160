/* SPDX-License-Identifier: MIT */
/* The last look at a process is taken from outside, by `heapprof leaks`, when the process is about
 * to end: it asks for the look by a socket, and waits until the look is over. If nobody answers, it
 * ends as if nothing had been. Only `heapprof` sets the variable that asks for it. */
#pragma once
#include <stdbool.h>

#define HP_LAST_LOOK_VARIABLE "HEAPPROF_LEAKS"

enum hp_last_look_time {
	HP_LAST_LOOK_BEFORE_DESTRUCTORS,
	HP_LAST_LOOK_AT_END, /* after destructors, or where none run */
};

/* Takes the value of the variable: the time of the look, "normal" or "strict", a colon, and the
 * name of the socket, in the abstract name space. NULL or any other text: there is no look. Call it
 * once, at start. */
void hp_last_look_init(const char *value);

/* Returns whether there is to be a look. */
bool hp_last_look_is_wanted(void);

/* Asks for the look and waits for its end, if this is the time for it and there was none before.
 * "strict" has it at the end; else it comes at the first of these calls. Signal-safe: yes; may
 * allocate: no. Leaves errno alone. */
void hp_last_look_take(enum hp_last_look_time time);

/* Call it in a fork child, which is looked at by itself. */
void hp_last_look_after_fork(void);
