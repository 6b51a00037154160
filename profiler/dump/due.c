/* SPDX-License-Identifier: MIT */
#include "dump/due.h"
#include "base/clock.h"
#include "base/report.h"
#include "base/scratch.h"
#include "dump/dumper.h"
#include "process/fork_mark.h"
#include "process/process.h"
#include "record/session.h"
#include "record/trigger.h"
#include <errno.h>
#include <signal.h>

enum {
	RSS_LOOK_MS = 1000
};

uint32_t hp_due_n_signals;

static int taken_signal; /* the signal that we handle; 0: none */

/* Both are milliseconds of hp_clock_coarse_ms(). An interval of 0 is off. */
static uint64_t time_interval_ms, next_time_ms;
static uint64_t first_time_interval_ms; /* the interval before any widening */

static uint64_t rss_interval, first_rss_interval; /* bytes; 0: off */
static uint64_t next_rss_ms;                      /* when to look at the resident memory again */
static uint64_t rss_mark;

/* --- time and resident memory -------------------------------------------------------------- */

/* Moves `*next` from `seen` to `after`. Returns true to only one of the threads that see the same
 * time come. */
static bool moves_on(uint64_t *next, uint64_t seen, uint64_t after)
{
	return __atomic_compare_exchange_n(next, &seen, after, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

/* Returns true if the time for a dump has come. After a process was stopped, there is one dump for
 * all the intervals that have passed. */
static bool is_time_due(uint64_t now, struct hp_text *reason)
{
	uint64_t interval = __atomic_load_n(&time_interval_ms, __ATOMIC_RELAXED);
	uint64_t next = __atomic_load_n(&next_time_ms, __ATOMIC_ACQUIRE);

	if (interval == 0 || now < next ||
	    !moves_on(&next_time_ms, next, next + (1 + (now - next) / interval) * interval))
		return false;
	hp_text_decimal(reason, interval / 1000);
	hp_text_string(reason, " s since the last timed dump");
	return true;
}

static bool is_rss_due(uint64_t now, struct hp_text *reason)
{
	uint64_t next = __atomic_load_n(&next_rss_ms, __ATOMIC_ACQUIRE);
	uint64_t rss;

	if (rss_interval == 0 || now < next || !moves_on(&next_rss_ms, next, now + RSS_LOOK_MS))
		return false;
	rss = hp_process_memory().rss_bytes;
	if (rss < rss_mark + rss_interval)
		return false;
	rss_mark = rss;
	hp_text_size(reason, rss);
	hp_text_string(reason, " resident");
	return true;
}

static bool is_due_by_clock(struct hp_text *reason)
{
	uint64_t now;

	if (time_interval_ms == 0 && rss_interval == 0)
		return false;
	now = hp_clock_coarse_ms();
	return is_time_due(now, reason) || is_rss_due(now, reason);
}

static void start_clock(void)
{
	uint64_t now = hp_clock_coarse_ms();

	next_time_ms = now + time_interval_ms;
	next_rss_ms = now;
	rss_mark = rss_interval ? hp_process_memory().rss_bytes : 0;
}

/* --- signals ------------------------------------------------------------------------------- */

static void dump_by_signal(void)
{
	HP_TEXT_LOCAL(reason, 80);

	hp_text_string(&reason, "signal ");
	hp_text_decimal(&reason, taken_signal);
	hp_dumper_dump_held(hp_text_terminate(&reason));
}

/* Writes dumps as long as signals have come and no other dump is in progress. If one is, the thread
 * that writes it calls this afterwards: it releases the dumper and then looks for a signal, while
 * this thread has noted its signal before it tries the dumper. So at least one of the two sees what
 * the other did. */
static void dump_by_signals(void *unused)
{
	while (hp_due_has_signal() && hp_dumper_try()) {
		__atomic_store_n(&hp_due_n_signals, 0, __ATOMIC_SEQ_CST);
		dump_by_signal();
		hp_dumper_go_on();
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	}
}

/* Writing runs on a scratch stack, because the stack of a signal handler may be small. In a fork
 * child that is not ready yet, nothing runs: the scratch stacks may still be held by the parent's
 * threads (see hp_scratch_after_fork()). */
void hp_due_settle(void)
{
	int saved_errno = errno;

	hp_tls.in_hook++;
	if (!hp_fork_mark_is_new_process())
		hp_scratch_call(dump_by_signals, NULL);
	hp_tls.in_hook--;
	errno = saved_errno;
}

/* The signal's handler: runs in any thread, at any point. In a fork child, the count of signals is
 * reset when the child is made ready. In a vfork child the count is the parent's, so the signal is
 * ignored. */
static void on_signal(int signal)
{
	if (hp_fork_mark_is_vfork_child())
		return;
	if (hp_fork_mark_is_new_process() && hp_tls.in_hook == 0)
		hp_session_on_raw_fork();
	__atomic_add_fetch(&hp_due_n_signals, 1, __ATOMIC_SEQ_CST);
	if (hp_tls.in_hook == 0)
		hp_due_settle();
}

static void report_signal(int signal, const char *problem)
{
	HP_TEXT_LOCAL(line, 160);

	hp_text_string(&line, "HEAPPROFILESIGNAL: signal ");
	hp_text_decimal(&line, signal);
	hp_text_string(&line, problem);
	hp_report_text(&line);
}

/* Returns true if the program does not use the signal. In a fork child the signal may have our
 * handler although taken_signal is 0: the fork came while another thread was installing it. */
static bool is_free(const struct sigaction *present)
{
	return (present->sa_handler == SIG_DFL || present->sa_handler == on_signal) &&
	       !(present->sa_flags & SA_SIGINFO);
}

void hp_due_take_signal(const struct hp_options *options)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK};
	struct sigaction present;
	int signal = (int)options->dump_signal;

	if (signal == 0)
		return;
	sigemptyset(&action.sa_mask);
	hp_due_n_signals = 0;
	if (sigaction(signal, NULL, &present) == 0 && !is_free(&present))
		report_signal(signal, " has a handler already; it will write no dumps");
	else if (sigaction(signal, &action, NULL) != 0)
		report_signal(signal, " can't be handled; it will write no dumps");
	else
		taken_signal = signal;
}

/* Restores the default action, unless the program has replaced our handler by its own. */
static void give_signal_back(void)
{
	struct sigaction present;

	if (taken_signal && sigaction(taken_signal, NULL, &present) == 0 &&
	    present.sa_handler == on_signal)
		signal(taken_signal, SIG_DFL);
	taken_signal = 0;
}

/* --- all reasons --------------------------------------------------------------------------- */

void hp_due_look(void)
{
	HP_TEXT_LOCAL(reason, 160);

	if (hp_trigger_is_due(&reason) || is_due_by_clock(&reason))
		hp_dumper_dump_or_skip(hp_text_terminate(&reason));
}

void hp_due_start(const struct hp_options *options)
{
	time_interval_ms = first_time_interval_ms = options->time_interval * 1000;
	rss_interval = first_rss_interval = options->rss_interval;
	start_clock();
}

void hp_due_stop(void)
{
	give_signal_back();
	time_interval_ms = rss_interval = 0;
}

void hp_due_after_fork(void)
{
	hp_due_n_signals = 0;
	if (time_interval_ms || rss_interval) {
		time_interval_ms = first_time_interval_ms;
		rss_interval = first_rss_interval;
		start_clock();
	}
}

void hp_due_widen(void)
{
	uint64_t time = time_interval_ms, rss = rss_interval;

	hp_trigger_widen();
	__atomic_add_fetch(&next_time_ms, time, __ATOMIC_RELEASE);
	if (time < UINT64_MAX / 4)
		__atomic_store_n(&time_interval_ms, 2 * time, __ATOMIC_RELAXED);
	if (rss < UINT64_MAX / 4)
		__atomic_store_n(&rss_interval, 2 * rss, __ATOMIC_RELAXED);
}
