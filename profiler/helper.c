/* SPDX-License-Identifier: MIT */
#include "helper.h"
#include "dumper.h"
#include "process.h"
#include "recorder.h"
#include "report.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

enum {
	STACK_SIZE = 64 * 1024,
	RSS_POLL_MS = 100,
};

#define FOR_EVER_MS UINT64_MAX

static bool is_wanted;            /* this session needs the thread */
static bool is_forbidden;         /* it can't be made in this process */
static uint32_t is_there;         /* it exists in this process */
static uint64_t time_interval_ms; /* 0: off */
static uint64_t rss_interval;     /* bytes; 0: off */
static int taken_signal;          /* 0: none */

static uint32_t wake_count; /* the word that the thread sleeps on */
static uint32_t n_signals;  /* that ask for a dump and have not got one */

/* --- what it waits for --------------------------------------------------------------------- */

static uint64_t next_time_ms; /* on the clock of hp_process_uptime_ms() */
static uint64_t rss_mark;

static void wake(void)
{
	__atomic_add_fetch(&wake_count, 1, __ATOMIC_SEQ_CST);
	hp_sys_futex_wake(&wake_count, 1);
}

/* Runs in any thread, at any point of it: only wakes the helper. */
static void on_signal(int signal)
{
	__atomic_add_fetch(&n_signals, 1, __ATOMIC_SEQ_CST);
	wake();
}

static uint64_t ms_to_wait(void)
{
	uint64_t ms = FOR_EVER_MS, now = hp_process_uptime_ms();

	if (rss_interval)
		ms = RSS_POLL_MS;
	if (time_interval_ms && next_time_ms <= now)
		ms = 0;
	else if (time_interval_ms && next_time_ms - now < ms)
		ms = next_time_ms - now;
	return ms;
}

static void dump_by_time(void)
{
	uint64_t now = hp_process_uptime_ms();
	HP_TEXT_LOCAL(reason, 80);

	if (!time_interval_ms || now < next_time_ms)
		return;
	/* A process that was stopped gets one dump for all that it has missed. */
	next_time_ms += (1 + (now - next_time_ms) / time_interval_ms) * time_interval_ms;
	hp_text_decimal(&reason, time_interval_ms / 1000);
	hp_text_string(&reason, " s since the last timed dump");
	hp_dumper_dump(hp_text_terminate(&reason));
}

static void dump_by_rss(void)
{
	uint64_t rss = rss_interval ? hp_process_rss_bytes() : 0;
	HP_TEXT_LOCAL(reason, 80);

	if (!rss_interval || rss < rss_mark + rss_interval)
		return;
	rss_mark = rss;
	hp_text_size(&reason, rss);
	hp_text_string(&reason, " resident");
	hp_dumper_dump(hp_text_terminate(&reason));
}

static void dump_by_signal(void)
{
	HP_TEXT_LOCAL(reason, 80);

	if (__atomic_exchange_n(&n_signals, 0, __ATOMIC_SEQ_CST) == 0)
		return;
	hp_text_string(&reason, "signal ");
	hp_text_decimal(&reason, taken_signal);
	hp_dumper_dump(hp_text_terminate(&reason));
}

static void sleep_until_due(uint32_t seen)
{
	uint64_t ms = ms_to_wait();
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	if (ms > 0)
		hp_sys_futex_wait(&wake_count, seen, ms == FOR_EVER_MS ? NULL : &t);
}

static void *help(void *unused)
{
	hp_tls.in_hook = 1; /* nothing that this thread allocates is the program's */
	for (;;) {
		uint32_t seen = __atomic_load_n(&wake_count, __ATOMIC_SEQ_CST);

		if (hp_session_is_running()) {
			dump_by_time();
			dump_by_rss();
			dump_by_signal();
		}
		sleep_until_due(seen);
	}
	return unused;
}

/* --- its life ------------------------------------------------------------------------------ */

static bool create_thread(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	bool is_created;

	if (pthread_attr_init(&attributes) != 0)
		return false;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	/* It inherits the mask: no signal of the program's is ever handled on it. */
	hp_sigset old = hp_sys_block_signals(HP_SIGSET_ALL);

	is_created = pthread_create(&thread, &attributes, help, NULL) == 0 ||
		     /* much thread-local storage takes its room from the stack */
		     (pthread_attr_setstacksize(&attributes, 16 * STACK_SIZE) == 0 &&
		      pthread_create(&thread, &attributes, help, NULL) == 0);
	hp_sys_restore_signals(old);
	pthread_attr_destroy(&attributes);
	return is_created;
}

bool hp_helper_is_missing(void)
{
	return __builtin_expect(is_wanted, false) && !__atomic_load_n(&is_there, __ATOMIC_RELAXED);
}

void hp_helper_revive(void)
{
	if (__atomic_exchange_n(&is_there, 1, __ATOMIC_SEQ_CST))
		return;
	int saved_errno = errno;

	next_time_ms = hp_process_uptime_ms() + time_interval_ms;
	rss_mark = rss_interval ? hp_process_rss_bytes() : 0;
	if (is_forbidden)
		hp_report("a process made without fork(): no dumps by time, resident memory or "
			  "signal");
	else if (!create_thread())
		hp_report("can't create a thread: no dumps by time, resident memory or signal");
	errno = saved_errno;
}

static void tell_signal_is_taken(int signal, const char *why)
{
	HP_TEXT_LOCAL(line, 160);

	hp_text_string(&line, "HEAPPROFILESIGNAL: signal ");
	hp_text_decimal(&line, signal);
	hp_text_string(&line, why);
	hp_report_text(&line);
}

static bool take_signal(int signal)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK},
			 old;

	if (sigaction(signal, NULL, &old) != 0) {
		tell_signal_is_taken(signal, " can't be handled: no dumps by signal");
		return false;
	}
	/* Ours is there if another thread forked while it took the signal. */
	if ((old.sa_handler != SIG_DFL && old.sa_handler != on_signal) ||
	    (old.sa_flags & SA_SIGINFO)) {
		tell_signal_is_taken(signal, " has a handler already: no dumps by signal");
		return false;
	}
	sigemptyset(&action.sa_mask);
	if (sigaction(signal, &action, NULL) != 0) {
		tell_signal_is_taken(signal, " can't be handled: no dumps by signal");
		return false;
	}
	taken_signal = signal;
	return true;
}

/* Only if the program has not put a handler of its own in our place. */
static void give_signal_back(void)
{
	struct sigaction now;

	if (taken_signal && sigaction(taken_signal, NULL, &now) == 0 && now.sa_handler == on_signal)
		signal(taken_signal, SIG_DFL);
	taken_signal = 0;
}

void hp_helper_start(const struct hp_options *options)
{
	bool has_signal = options->dump_signal && take_signal(options->dump_signal);

	time_interval_ms = options->time_interval * 1000;
	rss_interval = options->rss_interval;
	is_wanted = has_signal || time_interval_ms || rss_interval;
	n_signals = 0;
	if (!is_wanted)
		return;
	if (is_there) {
		next_time_ms = hp_process_uptime_ms() + time_interval_ms;
		rss_mark = rss_interval ? hp_process_rss_bytes() : 0;
		wake();
	} else {
		hp_helper_revive();
	}
}

void hp_helper_stop(void)
{
	give_signal_back();
	is_wanted = false;
	time_interval_ms = rss_interval = 0;
}

void hp_helper_after_fork(bool may_be_made)
{
	is_there = 0;
	is_forbidden = !may_be_made;
	n_signals = 0;
}
