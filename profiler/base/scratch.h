/* SPDX-License-Identifier: MIT */
/* A scratch stack is a stack of our own for work that needs more room than a thread of the host may
 * have left: libunwind (6 to 10 KB) and dumps. Any thread; signal-safe: yes, because signals are
 * blocked on it; may allocate: no. */
#pragma once
#include <stdbool.h>

/* Calls run(argument) on a scratch stack, with all signals blocked: a handler of the host must not
 * run there, nor leave it by longjmp. Only the C library's signal for setuid() and similar calls is
 * not blocked, so that a thread in setuid() need not wait for a dump to end. Returns false, without
 * the call, if no stack is available. */
bool hp_scratch_call(void (*run)(void *argument), void *argument);

/* Call it in a fork child. Frees the stacks that were in use by threads that do not exist in the
 * child. */
void hp_scratch_after_fork(void);
