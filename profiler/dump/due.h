/* SPDX-License-Identifier: MIT */
/* A dump is due, without a call by the program, when an interval of bytes (trigger.h), of time or
 * of resident memory has been used up, or when a signal has come.
 *
 * The profiler has no thread of its own to look for these. Such a thread would take part in
 * everything that the program does to its threads and its process (setuid(), setns(),
 * pthread_exit(), filters of system calls): it would break these calls, or keep rights that the
 * program has given up. Instead, the program's own threads look when they report to the triggers,
 * and the thread that sees that an interval is used up writes the dump, with its own rights. A
 * signal's handler writes the dump itself, with two exceptions: if it has interrupted the profiler,
 * the interrupted thread writes the dump when it leaves the profiler; and if another dump is in
 * progress, the thread that writes it writes this one afterwards. */
#pragma once
#include "base/options.h"

/* Starts the intervals of a session. */
void hp_due_start(const struct hp_options *options);

/* Installs a handler for the signal of HEAPPROFILESIGNAL, if one is set. If the signal is not free,
 * reports that in one line instead. Call it where calling the C library is safe. */
void hp_due_take_signal(const struct hp_options *options);

/* Restores the signal's default action and stops the intervals. */
void hp_due_stop(void);

/* Call it in a fork child. Restarts the intervals, and forgets signals that came to the parent. */
void hp_due_after_fork(void);

/* Doubles all intervals, of bytes, time and resident memory. Call it while a dump is written.
 * Signal-safe: yes; may allocate: no. */
void hp_due_widen(void);

/* Writes a dump if one is due by bytes, time or resident memory, unless another dump is in
 * progress. Any thread, with hp_tls.in_hook set and no lock held. */
void hp_due_look(void);

extern uint32_t hp_due_n_signals; /* that asked for a dump, which has not begun yet */

/* Returns true if a signal has asked for a dump that has not been begun, because its handler
 * interrupted the profiler or because another dump was in progress. Any thread; signal-safe:
 * yes. */
static inline bool hp_due_has_signal(void)
{
	/* A thread that leaves the profiler has cleared hp_tls.in_hook before: so a handler either
	 * sees that and writes the dump itself, or has counted its signal before the count is read
	 * here. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&hp_due_n_signals, __ATOMIC_RELAXED) > 0;
}

/* Writes a dump while hp_due_has_signal() is true, unless another dump is in progress: the thread
 * that writes that one calls this afterwards. Any thread, with hp_tls.in_hook clear and no lock
 * held. Leaves errno alone. */
void hp_due_settle(void);
