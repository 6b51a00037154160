/* SPDX-License-Identifier: MIT */
#include "record/session.h"
#include "base/patience.h"
#include "base/sys.h"
#include "process/fork_mark.h"
#include "record/trigger.h"
#include <string.h>

enum {
	PAUSE_PATIENCE_MS = 500
};

#define OBJECTS_SEED 0x6a09e667f3bcc909ull /* tells the seeds of the two samplers apart */

struct hp_session hp_session;
bool (*hp_session_on_raw_fork)(void);

static uint32_t newest; /* the last number that was given to a session; no number is given twice */
static uint32_t n_pauses; /* pauses in progress, for a fork or the end of a session */
static uint64_t n_threads_seeded;

/* --- pauses -------------------------------------------------------------------------------- */

/* Returns true if more than this thread's own pauses are in progress. A thread never waits for its
 * own pause: other fork handlers may run in it, and may allocate. */
static bool is_paused_by_others(uint32_t n)
{
	return n > hp_tls.n_pauses;
}

/* Waits until no other thread's pause is in progress, and returns true; returns false after half a
 * second. A loop is needed because another pause may begin when one ends, if forks follow each
 * other closely. */
static bool wait_for_resume(void)
{
	int64_t patience = HP_PATIENCE_OF_MS(PAUSE_PATIENCE_MS);
	uint32_t n;

	while (is_paused_by_others(n = __atomic_load_n(&n_pauses, __ATOMIC_SEQ_CST)) &&
	       patience > 0)
		hp_patience_sleep(&patience, &n_pauses, n, patience);
	return !is_paused_by_others(n);
}

/* Begins a pause when no other thread's pause is in progress, or when that takes too long. If two
 * threads paused at the same time, each would have to wait for the other's pause to end if fork
 * handlers allocated in both. */
static void begin_pause(void)
{
	bool is_begun = false;

	while (!is_begun && wait_for_resume()) {
		uint32_t own = hp_tls.n_pauses;

		is_begun = __atomic_compare_exchange_n(&n_pauses, &own, own + 1, false,
						       __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
	}
	if (!is_begun)
		__atomic_add_fetch(&n_pauses, 1, __ATOMIC_SEQ_CST);
	hp_tls.n_pauses++;
}

bool hp_session_pause(void)
{
	begin_pause();
	return hp_thread_wait_idle(PAUSE_PATIENCE_MS);
}

void hp_session_resume(void)
{
	hp_tls.n_pauses--;
	__atomic_sub_fetch(&n_pauses, 1, __ATOMIC_SEQ_CST);
	hp_sys_futex_wake(&n_pauses, INT_MAX);
}

/* --- a thread's way in and out ------------------------------------------------------------- */

struct hp_thread *hp_session_enter(void)
{
	if (__builtin_expect(hp_fork_mark_is_new_process(), false) && !hp_session_on_raw_fork())
		return NULL;
	for (;;) {
		struct hp_thread *t = hp_thread_enter();
		uint32_t n = t ? __atomic_load_n(&n_pauses, __ATOMIC_SEQ_CST) : 0;

		if (__builtin_expect(n == 0, true) || !is_paused_by_others(n))
			return t;
		hp_thread_leave(t);
		if (!wait_for_resume())
			return NULL;
	}
}

void hp_session_join(struct hp_thread *t, uint32_t number)
{
	uint64_t n = __atomic_add_fetch(&n_threads_seeded, 1, __ATOMIC_RELAXED);

	/* A sampler is seeded with four outputs of splitmix64. Each thread starts four steps after
	 * the thread before, so no output is used twice. */
	hp_sampler_init(&t->sampler, hp_session_interval(),
			hp_session.seed + 4 * n * 0x9e3779b97f4a7c15ull);
	hp_sampler_init(&t->object_sampler, hp_session_interval(),
			(hp_session.seed ^ OBJECTS_SEED) + 4 * n * 0x9e3779b97f4a7c15ull);
	hp_tls.objects_left = 0;
	hp_tls_set(&hp_tls, 0, 0);
	t->accounted = 0;
	memset(&t->news, 0, sizeof(t->news));
	t->step = hp_trigger_step();
	t->sample_at = hp_sampler_next_gap(&t->sampler);
	__atomic_store_n(&t->session, number, __ATOMIC_RELAXED);
}

void hp_session_count(size_t size)
{
	hp_tls_set(&hp_tls, hp_tls_allocated(&hp_tls) + size, hp_tls.checkpoint + size);
}

void hp_session_report(struct hp_thread *t)
{
	if (!hp_session.is_only_mappings)
		t->news.allocated = hp_tls_allocated(&hp_tls) - t->accounted;
	t->accounted = hp_tls_allocated(&hp_tls);
	hp_trigger_report(&t->news);
	t->step = hp_trigger_step();
}

/* Sets when the thread next takes its slow path: at its next sample, or when it is to report. A
 * thread with a borrowed struct takes its slow path at each allocation. */
static void set_checkpoint(struct hp_thread *t)
{
	const uint64_t never = UINT64_C(1) << 62;
	uint64_t allocated = hp_tls_allocated(&hp_tls);
	uint32_t now = hp_session_number();
	uint64_t checkpoint;

	if (now == 0 || (hp_session.is_only_mappings && t->session == now))
		checkpoint = allocated + never;
	else if (hp_tls.thread != t || t->session != now || t->sampler.interval == 1)
		checkpoint = allocated;
	else if (t->sample_at < t->accounted + t->step)
		checkpoint = t->sample_at;
	else
		checkpoint = t->accounted + t->step;
	hp_tls_set(&hp_tls, allocated, checkpoint);
	if (checkpoint == allocated)
		return; /* the next allocation takes the slow path in any case, as when all are
			   recorded */
	/* If a session began meanwhile, it may have recalled this thread before the checkpoint was
	 * set, so the thread recalls itself. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (hp_session_number() != now)
		hp_tls_set(&hp_tls, allocated, allocated);
}

void hp_session_leave(struct hp_thread *t)
{
	bool is_borrowed = hp_tls.thread != t;

	if (is_borrowed)
		hp_session_report(t);
	set_checkpoint(t);
	hp_thread_leave(t);
}

/* --- sessions ------------------------------------------------------------------------------ */

/* Returns 0 for an automatic interval. */
static uint64_t interval_of(const struct hp_options *options)
{
	bool has_mappings = options->record_mmap || options->only_mmap;

	if (options->sample_interval == HP_SAMPLE_INTERVAL_AUTO && has_mappings)
		return UINT64_C(1) << HP_LEVEL_MAX;
	return options->sample_interval;
}

void hp_session_prepare(const struct hp_options *options)
{
	hp_session.interval = interval_of(options);
	hp_level_start();
	hp_session.depth = options->stack_depth;
	hp_session.seed = options->seed;
	if (hp_session.seed == 0)
		hp_sys_getrandom(&hp_session.seed, sizeof(hp_session.seed));
	hp_session.is_only_mappings = options->only_mmap;
	hp_session.first = hp_session.own = ++newest;
	n_threads_seeded = 0;
}

void hp_session_begin(void)
{
	/* Counting starts before any thread joins, and the session runs before any thread is
	 * recalled. */
	hp_thread_begin_session(hp_session.own);
	__atomic_store_n(&hp_session.number, hp_session.own, __ATOMIC_SEQ_CST);
	hp_thread_recall();
}

void hp_session_end(void)
{
	__atomic_store_n(&hp_session.number, 0, __ATOMIC_SEQ_CST);
}

void hp_session_after_fork(bool is_clean)
{
	if (hp_session_is_running())
		hp_session.number = hp_session.own = ++newest;
	if (!is_clean)
		hp_session.first = hp_session.own;
	hp_session.seed ^= (uint64_t)hp_sys_getpid() * 0xd1342543de82ef95ull;
	hp_tls.n_pauses = 0;
	__atomic_store_n(&n_pauses, 0, __ATOMIC_SEQ_CST);
}

const struct hp_view_row hp_session_view[] = {
	HP_VIEW_VARIABLE("session.number", hp_session.number),
	HP_VIEW_VARIABLE("session.own", hp_session.own),
	HP_VIEW_VARIABLE("session.interval", hp_session.interval),
	HP_VIEW_VARIABLE("session.is_only_mappings", hp_session.is_only_mappings),
};
