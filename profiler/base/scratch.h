/* SPDX-License-Identifier: MIT */
/* Stacks of our own for work that needs more room than a host's thread may have left: libunwind
 * (6 to 10 KB) and dumps. Any thread, signal-safe: no handler finds its own thread on one. */
#pragma once
#include <stdbool.h>

/* Calls run(argument) on a scratch stack, with all signals blocked: a handler of the host must not
 * run there, nor leave by longjmp. Only the C library's signal of setuid() and its like gets
 * through, so that no thread waits there for a dump to end. False, and nothing called, if no stack
 * can be had. */
bool hp_scratch_call(void (*run)(void *argument), void *argument);

/* In a fork child: stacks held by threads that are not there any more are free again. */
void hp_scratch_after_fork(void);
