/* SPDX-License-Identifier: MIT */
/* When a dump is due that the program did not ask for by a call: bytes (trigger.h), time, resident
 * memory, a signal.
 *
 * No thread of the profiler looks at these: it would take part in all that the program does to its
 * threads and its process (setuid(), setns(), pthread_exit(), filters of system calls), break it,
 * or keep rights that the program has dropped. The program's own threads look, when they report to
 * the triggers, and the one that sees an interval used up writes the dump with its own rights. A
 * signal's handler writes its dump itself, unless it has interrupted the profiler or another dump
 * is in progress: then the thread that is interrupted, or writes, does so when it is done. */
#pragma once
#include "base/options.h"

/* Starts the intervals of a session. */
void hp_due_start(const struct hp_options *options);

/* Handles HEAPPROFILESIGNAL, if that is asked for and the signal is free; else one line says why
 * not. Where calling the C library is safe. */
void hp_due_take_signal(const struct hp_options *options);

/* Gives the signal back and stops the intervals. */
void hp_due_stop(void);

/* In a fork child: its intervals begin anew, and its parent's signals are not its own. */
void hp_due_after_fork(void);

/* Doubles all intervals: of bytes, time and resident memory. Called by a dump that is being
 * written; does not allocate, signal-safe. */
void hp_due_widen(void);

/* Looks at everything, and writes the dump that is due, unless another one is in progress. Any
 * thread, with hp_tls.in_hook set and no lock held. */
void hp_due_look(void);

extern uint32_t hp_due_n_signals; /* that have asked for a dump and not got one */

/* True if a signal came within the profiler. Any thread; signal-safe: yes. */
static inline bool hp_due_has_signal(void)
{
	/* After hp_tls.in_hook was cleared: a handler sees that, or this sees its signal. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&hp_due_n_signals, __ATOMIC_RELAXED) > 0;
}

/* Writes the dump for such a signal. Any thread, with hp_tls.in_hook clear and no lock held;
 * leaves errno alone. */
void hp_due_settle(void);
