/* SPDX-License-Identifier: MIT */
/* A dump is due, without a call of the program, when an interval of bytes (trigger.h), time or
 * resident memory has been used up, or a signal has come.
 *
 * The profiler has no thread of its own that looks at these. Such a thread would take part in all
 * that the program does to its threads and its process (setuid(), setns(), pthread_exit(), filters
 * of system calls), break it, or keep rights that the program has dropped. The program's own
 * threads look, when they report to the triggers, and the one that sees an interval used up writes
 * the dump with its own rights. A signal's handler writes its dump itself, unless it has
 * interrupted the profiler or another dump is in progress: then the interrupted thread, or the one
 * that writes, does so when it has finished. */
#pragma once
#include "base/options.h"

/* Starts the intervals of a session. */
void hp_due_start(const struct hp_options *options);

/* Takes the signal of HEAPPROFILESIGNAL, if there is one; reports in one line if it is not free.
 * Call where calling the C library is safe. */
void hp_due_take_signal(const struct hp_options *options);

/* Gives the signal back and stops the intervals. */
void hp_due_stop(void);

/* In a fork child: the intervals begin anew, and signals to the parent don't count. */
void hp_due_after_fork(void);

/* Doubles all intervals: of bytes, time and resident memory. Called while a dump is written.
 * Signal-safe: yes; may allocate: no. */
void hp_due_widen(void);

/* Looks whether a dump is due by bytes or by the clock, and writes it, unless another one is in
 * progress. Any thread, with hp_tls.in_hook set and no lock held. */
void hp_due_look(void);

extern uint32_t hp_due_n_signals; /* that have asked for a dump and not got one yet */

/* Returns true if a signal came within the profiler. Any thread; signal-safe: yes. */
static inline bool hp_due_has_signal(void)
{
	/* hp_tls.in_hook was cleared before: a handler sees that, or this sees its signal. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&hp_due_n_signals, __ATOMIC_RELAXED) > 0;
}

/* Writes the dump for such a signal. Any thread, with hp_tls.in_hook clear and no lock held;
 * leaves errno alone. */
void hp_due_settle(void);
