/* SPDX-License-Identifier: MIT */
/* A scratch stack is a stack of our own for work that needs more room than a thread of the host may
 * have left: libunwind (6 to 10 KB) and dumps. Any thread; signal-safe: yes, because no handler
 * finds its own thread on one; may allocate: no. */
#pragma once
#include <stdbool.h>

/* Calls run(argument) on a scratch stack, with all signals blocked: a handler of the host must not
 * run there, nor leave by longjmp. Only the C library's signal for setuid() and similar calls gets
 * through, so that no thread waits there for a dump to end. Returns false, without a call, if no
 * stack is available. */
bool hp_scratch_call(void (*run)(void *argument), void *argument);

/* In a fork child: frees the stacks that are held by threads that do not exist there. */
void hp_scratch_after_fork(void);
