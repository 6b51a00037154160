/* SPDX-License-Identifier: MIT */
#include "control/lifecycle.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/report.h"
#include "base/scratch.h"
#include "base/variables.h"
#include "base/view.h"
#include "control/last_look.h"
#include "control/own_work.h"
#include "dump/due.h"
#include "dump/dumper.h"
#include "dump/names.h"
#include "process/fork_mark.h"
#include "process/modules.h"
#include "process/process.h"
#include "record/recorder.h"
#include "tables/pool_names.h"
#include "tables/pool_objects.h"
#include "tables/stacks.h"
#include "unwind/frame_rule.h"
#include <pthread.h>
#include <unistd.h>

/* Makes the linker take view.c from the archive. */
__attribute__((used)) static const struct heapprof_view *const view = &heapprof_view;

static struct hp_options options;
static uint64_t next_interval; /* of the sampler, for later sessions; 0: as in `options` */
static bool has_exited, has_dumps;
static bool is_detached; /* see hp_lifecycle_detach() */
static bool was_stopped; /* the program stopped the session that the environment asks for */

/* --- sessions ------------------------------------------------------------------------------ */

static bool after_raw_fork(void);

static bool is_known_process(void)
{
	return !hp_fork_mark_is_new_process() || after_raw_fork();
}

struct hp_options *hp_lifecycle_options(void)
{
	return &options;
}

static void look_at_earlier_processes(void)
{
	if (hp_names_is_first_image())
		hp_variables_report_unknown(environ);
	if (options.cleanup && hp_names_is_owner())
		hp_names_remove_earlier();
}

bool hp_lifecycle_begin(const char *prefix, bool by_environment)
{
	if (hp_session_is_running())
		return false;
	if (next_interval)
		options.sample_interval = next_interval;
	hp_memory_set_limit(options.memory_limit);
	if (prefix[0] && !hp_names_start(prefix, by_environment))
		return false;
	if (!hp_frame_rule_init(options.unwinder == HP_UNWINDER_LIBUNWIND)) {
		hp_report("no memory; not profiling");
		return false;
	}
	if (prefix[0])
		look_at_earlier_processes();
	hp_dumper_start(&options);
	hp_recorder_on_report = hp_due_look;
	if (!hp_recorder_start(&options)) {
		hp_report("a thread has not left the last session; not profiling");
		return false;
	}
	was_stopped = is_detached = false;
	has_dumps = prefix[0];
	hp_due_start(&options);
	if (!by_environment)
		hp_due_take_signal(&options);
	return true;
}

/* Holds dumps off, because a session must not begin while a dump is written. */
bool hp_lifecycle_start(const char *prefix)
{
	bool is_started;

	if (!is_known_process() || !hp_dumper_wait())
		return false;
	is_started = hp_lifecycle_begin(prefix, false /* by environment */);
	hp_dumper_go_on();
	return is_started;
}

void hp_lifecycle_stop(void)
{
	if (!is_known_process())
		return;
	bool is_waiting = hp_dumper_wait();

	was_stopped = options.prefix[0] != '\0';
	hp_due_stop();
	hp_recorder_stop(is_waiting);
	if (is_waiting)
		hp_dumper_go_on();
}

static void ignore_report(void)
{
}

void hp_lifecycle_detach(void)
{
	if (!is_known_process())
		return;
	hp_recorder_on_report = ignore_report;
	hp_due_stop();
	if (has_dumps)
		hp_dumper_dump("detach");
	has_dumps = false;
	is_detached = true;
}

void hp_lifecycle_set_sample_interval(uint64_t bytes)
{
	next_interval = bytes;
}

uint64_t hp_lifecycle_sample_interval(void)
{
	if (hp_session_is_running())
		return hp_session_interval();
	if (next_interval)
		return next_interval;
	return options.sample_interval == HP_SAMPLE_INTERVAL_AUTO ? 1 : options.sample_interval;
}

/* --- fork ---------------------------------------------------------------------------------- */

static __thread bool is_fork_clean; /* several threads may be in fork() at a time */

/* Fork handlers that were registered before ours run after before_fork(), and before
 * after_fork_in_parent() or after_fork_in_child(). What they allocate is recorded like any other
 * allocation. */
static void before_fork(void)
{
	is_known_process(); /* a new process noticed later would end our pause */
	is_fork_clean = hp_session_pause();
}

static void after_fork_in_parent(void)
{
	hp_session_resume();
}

/* The complete list of what a fork does in the child: none of these functions calls another one of
 * them. The order is that of the rooms, from base/ on, so that each function finds ready what it
 * uses. Three places need an explanation:
 * - The session comes before the tables, because hp_regions_after_fork() takes its new seed and
 *   number.
 * - hp_recorder_after_fork() comes after the tables, because it may empty them: they must first
 *   have released the locks that the parent's other threads held.
 * - hp_fork_mark_set() comes last, because it lets the other threads of this process in.
 *
 * All signals are blocked. `is_clean` is true if no other thread was inside the recorder at the
 * fork. */
static void begin_in_child(bool is_clean)
{
	hp_scratch_after_fork();
	hp_process_after_fork();
	hp_modules_after_fork();
	hp_frame_rule_after_fork(is_clean);
	hp_session_after_fork(is_clean);
	hp_thread_after_fork(hp_session_number());
	hp_live_after_fork();
	hp_pool_names_after_fork();
	hp_pool_objects_after_fork();
	hp_regions_after_fork(hp_session.seed, hp_session.own);
	hp_spaces_after_fork();
	hp_stacks_after_fork();
	hp_recorder_after_fork(is_clean);
	hp_trigger_after_fork();
	hp_dumper_after_fork();
	hp_names_after_fork();
	hp_due_after_fork();
	hp_last_look_after_fork();
	has_exited = false;
	hp_fork_mark_set();
}

/* Makes the child ready, unless another handler has allocated before: then after_raw_fork() has
 * done so. If the fork mark has no page that the kernel wipes, the process looks like a vfork
 * child, and is made ready too. */
static void after_fork_in_child(void)
{
	hp_sigset signals = hp_sys_block_signals(HP_SIGSET_ALL);

	if (hp_fork_mark_begin() || hp_fork_mark_is_vfork_child())
		begin_in_child(is_fork_clean);
	hp_tls.n_pauses = 0; /* the pauses were the parent's, even if another thread has made the
				child ready */
	hp_sys_restore_signals(signals);
}

/* Called if none of our handlers has run: after a raw clone, or if another handler of a fork()
 * allocates before ours. After a clone, the child may have several threads by now: one of them
 * makes it ready, and the others wait. Returns false if that takes too long. */
static bool after_raw_fork(void)
{
	hp_sigset signals = hp_sys_block_signals(HP_SIGSET_ALL);

	if (hp_fork_mark_begin())
		begin_in_child(hp_thread_wait_idle(0 /* ms: no thread has come in */));
	hp_sys_restore_signals(signals);
	return hp_fork_mark_wait();
}

/* --- start and end ------------------------------------------------------------------------- */

static void report_why_no_file(void)
{
	HP_TEXT_LOCAL(line, 256);

	if (hp_names_n_claimed() > 0 || !hp_names_is_owner() || hp_dumper_has_failed())
		return;
	hp_text_string(&line, "no dump written: the program allocated ");
	hp_text_size(&line, hp_recorder_allocated_bytes());
	hp_text_string(&line, ", reached no interval, and ");
	hp_text_string(&line, was_stopped ? "called HeapProfilerStop()"
					  : "runs with HEAP_PROFILE_EXIT_DUMP=0");
	hp_report_text(&line);
}

static void take_last_look(enum hp_last_look_time time)
{
	if (!hp_session_is_running() || hp_fork_mark_is_vfork_child())
		return;
	int saved_errno = hp_own_work_begin();

	hp_last_look_take(time);
	hp_own_work_end(saved_errno);
}

void hp_lifecycle_exit_begins(void)
{
	if (hp_last_look_is_wanted() && is_known_process())
		take_last_look(HP_LAST_LOOK_BEFORE_DESTRUCTORS);
}

void hp_lifecycle_exit_by_signal(void)
{
	if (is_known_process())
		take_last_look(HP_LAST_LOOK_AT_END);
}

void hp_lifecycle_exit(void)
{
	if (!is_known_process())
		return;
	take_last_look(HP_LAST_LOOK_AT_END);
	if (has_exited || !has_dumps || hp_fork_mark_is_vfork_child())
		return;
	has_exited = hp_session_is_running() || was_stopped;
	int saved_errno = hp_own_work_begin();

	if (hp_session_is_running() && options.exit_dump)
		hp_dumper_dump("exit");
	else if (has_exited)
		report_why_no_file();
	hp_own_work_end(saved_errno);
}

static void at_exit(void *unused)
{
	hp_lifecycle_exit();
}

/* NOLINTBEGIN(bugprone-reserved-identifier): the C library's names */
int __cxa_atexit(void (*function)(void *), void *argument, void *dso);
int __cxa_at_quick_exit(void (*function)(void *), void *dso);
/* NOLINTEND(bugprone-reserved-identifier) */

void hp_lifecycle_watch(void)
{
	pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
	/* exit() runs handlers in reverse order of their registration. The shared library
	 * registers ours before the start of the program registers the handler that runs all
	 * destructors, so ours runs after the destructors. It is registered for no library (NULL),
	 * or it would run with our own library's. In a program linked with the archive this runs
	 * after that registration: there the last dump comes before the destructors. */
	__cxa_atexit(at_exit, NULL, NULL);
	__cxa_at_quick_exit(at_exit, NULL);
}

void hp_lifecycle_prepare(bool is_late)
{
	hp_report_init();
	hp_fork_mark_init();
	hp_thread_init();
	hp_process_init();
	hp_modules_init(is_late);
	hp_dumper_init();
	hp_session_on_raw_fork = after_raw_fork;
}

const struct hp_view_row hp_lifecycle_view[] = {
	HP_VIEW_VARIABLE("lifecycle.is_detached", is_detached),
};
