/* SPDX-License-Identifier: MIT */
#include "recorder.h"
#include "fork_mark.h"
#include "frame_rule.h"
#include "modules.h"
#include "scratch.h"
#include "stacks.h"
#include <string.h>

enum {
	PAUSE_PATIENCE_MS = 500,
	/* From here on a page holds a sample so seldom that the filter is worth its look-up. */
	FILTER_INTERVAL_MIN = 64 * 1024,
};

bool hp_recorder_has_mappings;
void (*hp_recorder_on_due)(const char *reason);
void (*hp_recorder_on_raw_fork)(void);

static uint32_t session;        /* 0: none runs */
static uint32_t newest_session; /* sessions are never numbered twice */
/* A fork child goes on under a number of its own: what its entries have is from first to own, and
 * those below own were inherited. */
static uint32_t first_session, own_session;
static uint32_t n_pauses; /* of a fork, or the end of a session; they may be nested */
static uint64_t interval, depth, seed;
static bool is_only_mappings; /* the heap is left alone */
static bool are_tables_empty = true;
static uint64_t n_dropped, n_threads_seeded;
static struct {
	uint64_t n __attribute__((aligned(64)));
} n_samples[HP_STRIPES]; /* apart: threads that record everything write it all the time */

static uint32_t current_session(void)
{
	return __atomic_load_n(&session, __ATOMIC_SEQ_CST);
}

bool hp_recorder_is_running(void)
{
	return current_session() != 0;
}

uint64_t hp_recorder_n_dropped(void)
{
	return __atomic_load_n(&n_dropped, __ATOMIC_RELAXED);
}

uint64_t hp_recorder_n_samples(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < HP_STRIPES; i++)
		sum += __atomic_load_n(&n_samples[i].n, __ATOMIC_RELAXED);
	return sum;
}

uint64_t hp_recorder_allocated_bytes(void)
{
	return is_only_mappings ? hp_trigger_totals().allocated : hp_thread_allocated_total();
}

/* Triggers may not have been told of all. */
void hp_recorder_estimate(uint64_t *out_inuse, uint64_t *out_freed)
{
	struct hp_trigger_totals totals = hp_trigger_totals();
	struct hp_trigger_news news = hp_thread_news_total();
	uint64_t in = totals.sampled + news.sampled, freed = totals.freed + news.freed;

	*out_inuse = in > freed ? in - freed : 0;
	*out_freed = freed;
}

static void drop_sample(void)
{
	__atomic_add_fetch(&n_dropped, 1, __ATOMIC_RELAXED);
}

/* --- a thread in the recorder -------------------------------------------------------------- */

static uint64_t now_ms(void)
{
	struct timespec t = hp_sys_clock(CLOCK_MONOTONIC);

	return (uint64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A thread does not wait for itself: other fork handlers may run between pause and resume. */
static bool is_paused_by_others(uint32_t n)
{
	return n > hp_tls.n_pauses;
}

/* Forks may follow each other closely: a pause that is over may not be the last. */
static bool wait_for_resume(void)
{
	const struct timespec patience = {.tv_nsec = PAUSE_PATIENCE_MS * 1000000L};
	uint64_t deadline = now_ms() + PAUSE_PATIENCE_MS;
	uint32_t n;

	while (is_paused_by_others(n = __atomic_load_n(&n_pauses, __ATOMIC_SEQ_CST)) &&
	       now_ms() < deadline)
		hp_sys_futex_wait(&n_pauses, n, &patience);
	return !is_paused_by_others(n);
}

/* NULL: no session, no memory, or a fork that takes too long. */
static struct hp_thread *enter(void)
{
	if (__builtin_expect(hp_fork_mark_is_new_process(), false))
		hp_recorder_on_raw_fork();
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

static void join_session(struct hp_thread *t, uint32_t now)
{
	uint64_t n = __atomic_add_fetch(&n_threads_seeded, 1, __ATOMIC_RELAXED);

	hp_sampler_init(&t->sampler, interval, seed + n * 0x9e3779b97f4a7c15ull);
	hp_tls_set(&hp_tls, 0, 0);
	t->accounted = 0;
	memset(&t->news, 0, sizeof(t->news));
	t->step = hp_trigger_step();
	t->sample_at = hp_sampler_next_gap(&t->sampler);
	__atomic_store_n(&t->session, now, __ATOMIC_RELAXED);
}

/* Bytes that were not counted by the hook. */
static void count_allocated(size_t size)
{
	hp_tls_set(&hp_tls, hp_tls_allocated(&hp_tls) + size, hp_tls.checkpoint + size);
}

static void report_news(struct hp_thread *t)
{
	if (!is_only_mappings)
		t->news.allocated = hp_tls_allocated(&hp_tls) - t->accounted;
	t->accounted = hp_tls_allocated(&hp_tls);
	hp_trigger_report(&t->news);
	t->step = hp_trigger_step();
}

/* When to come here next: for the next sample, or to report. A borrowed struct has no next time. */
static void set_checkpoint(struct hp_thread *t)
{
	const uint64_t never = UINT64_C(1) << 62;
	uint64_t allocated = hp_tls_allocated(&hp_tls);
	uint32_t now = current_session();
	uint64_t checkpoint;

	if (now == 0 || (is_only_mappings && t->session == now))
		checkpoint = allocated + never;
	else if (hp_tls.thread != t || t->session != now || interval == 1)
		checkpoint = allocated;
	else if (t->sample_at < t->accounted + t->step)
		checkpoint = t->sample_at;
	else
		checkpoint = t->accounted + t->step;
	hp_tls_set(&hp_tls, allocated, checkpoint);
	/* A session that began meanwhile may have recalled us before that. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (current_session() != now)
		hp_tls_set(&hp_tls, allocated, allocated);
}

static void leave(struct hp_thread *t)
{
	bool is_borrowed = hp_tls.thread != t;

	if (is_borrowed)
		report_news(t);
	set_checkpoint(t);
	hp_thread_leave(t);
}

/* --- recording ----------------------------------------------------------------------------- */

static bool is_turn(struct hp_thread *t)
{
	uint64_t position = hp_tls_allocated(&hp_tls);

	if (interval == 1)
		return true;
	if (position < t->sample_at)
		return false;
	t->sample_at = position + hp_sampler_next_gap(&t->sampler);
	return true;
}

/* What was inherited counts as allocated here only while it is in use. */
static void count_free(const struct hp_live_entry *entry)
{
	if (entry->session < own_session)
		hp_stacks_uncount_alloc(entry->record, entry->size);
	else
		hp_stacks_count_free(entry->record, entry->size);
}

/* Whether its record is one of this session's. */
static bool is_current(const struct hp_live_entry *entry, uint32_t now)
{
	return now != 0 && entry->session >= first_session;
}

/* 0: dropped */
static hp_handle count_alloc(struct hp_thread *t, size_t size, const struct hp_site *site)
{
	size_t n = hp_unwind(t, site, depth);
	hp_handle h = 0;

	if (n > 0)
		h = hp_stacks_count_alloc(t->frames, n, hp_sampler_size_class(size, interval), size,
					  interval == 1 ? t->number : 0);
	if (!h)
		drop_sample();
	return h;
}

static void note_sample(struct hp_thread *t, size_t size)
{
	__atomic_add_fetch(&n_samples[t->number % HP_STRIPES].n, 1, __ATOMIC_RELAXED);
	t->news.sampled += hp_sampler_weight_bytes(size, interval);
}

static void record(struct hp_thread *t, void *p, size_t size, const struct hp_site *site)
{
	struct hp_live_entry replaced;
	struct hp_live_entry entry = {
		.address = (uintptr_t)p,
		.size = size,
		.session = t->session,
	};

	entry.record = count_alloc(t, size, site);
	if (!entry.record)
		return;
	if (!hp_live_insert(&entry, &replaced)) {
		count_free(&entry); /* allocated is right at least */
		drop_sample();
		return;
	}
	if (replaced.address)
		count_free(&replaced);
	note_sample(t, size);
}

static bool has_much_news(const struct hp_thread *t)
{
	return hp_tls_allocated(&hp_tls) - t->accounted >= t->step || t->news.sampled >= t->step ||
	       t->news.freed >= t->step;
}

static void dump_if_due(void)
{
	HP_TEXT_LOCAL(reason, 160);

	if (hp_trigger_is_due(&reason))
		hp_recorder_on_due(hp_text_terminate(&reason));
}

static void revive_helper(void)
{
	if (hp_helper_is_missing())
		hp_helper_revive();
}

void hp_recorder_allocated(void *p, size_t size, const struct hp_site *site)
{
	struct hp_thread *t = enter();
	bool has_reported = false;

	if (!t) {
		drop_sample();
		return;
	}
	uint32_t now = current_session();

	if (now != 0 && t->session != now)
		join_session(t, now);
	count_allocated(size);
	if (now != 0 && !is_only_mappings) {
		if (is_turn(t))
			record(t, p, size, site);
		has_reported = has_much_news(t) || hp_tls.thread != t;
		if (has_reported)
			report_news(t);
	}
	leave(t);
	revive_helper();
	if (has_reported)
		dump_if_due();
}

bool hp_recorder_forget(void *p, struct hp_live_entry *out)
{
	bool is_known;

	if (!hp_recorder_is_running())
		return false;
	struct hp_thread *t = enter();

	if (!t) {
		drop_sample(); /* if it is one, it stays in use until its address comes again */
		return false;
	}
	is_known = hp_recorder_is_running() && hp_live_take((uintptr_t)p, out);
	hp_thread_leave(t);
	return is_known;
}

void hp_recorder_freed(const struct hp_live_entry *entry)
{
	struct hp_thread *t = enter();
	uint32_t now = current_session();
	bool has_reported = false;

	if (!t) {
		drop_sample();
		return;
	}
	if (is_current(entry, now)) {
		count_free(entry);
		/* It may be the first that this thread does. */
		if (t->session != now)
			join_session(t, now);
		t->news.freed += hp_sampler_weight_bytes(entry->size, interval);
		has_reported = has_much_news(t) || hp_tls.thread != t;
	}
	if (has_reported)
		report_news(t);
	leave(t);
	revive_helper();
	if (has_reported)
		dump_if_due();
}

void hp_recorder_keep(const struct hp_live_entry *entry)
{
	struct hp_thread *t = enter();
	struct hp_live_entry replaced;

	if (!t) {
		drop_sample();
		return;
	}
	if (is_current(entry, current_session()) && !hp_live_insert(entry, &replaced)) {
		count_free(entry); /* nobody will know it when it is freed */
		drop_sample();
	}
	hp_thread_leave(t);
}

/* What it has not reported yet would be lost to the triggers, and a program may well have a thread
 * for each request. */
static void report_last_news(void)
{
	struct hp_thread *t = hp_recorder_is_running() ? enter() : NULL;
	bool has_reported = t && t->session == current_session();

	if (has_reported)
		report_news(t);
	if (t)
		leave(t);
	if (has_reported)
		dump_if_due();
}

/* --- mappings ------------------------------------------------------------------------------ */

/* A mapping does not use up bytes of the heap's countdown: it is sampled by a gap of its own, with
 * the same probability. */
static void sample_mapping(struct hp_thread *t, void *p, size_t size, const struct hp_site *site)
{
	uint64_t gap = hp_sampler_next_gap(&t->sampler);
	hp_handle h = gap <= size ? count_alloc(t, size, site) : 0;

	if (!h)
		return;
	if (!hp_regions_add((uintptr_t)p, size, gap, h)) {
		hp_stacks_count_free(h, size);
		drop_sample();
		return;
	}
	note_sample(t, size);
}

static void count_mapping(struct hp_thread *t, size_t size)
{
	count_allocated(size);
	t->sample_at += size;
	t->accounted += size;
	t->news.allocated += size;
}

/* Where little is left, its estimate may be more than that of the whole. */
static void count_unmapping(struct hp_thread *t, const struct hp_regions_taken *taken)
{
	if (taken->weight > 0)
		t->news.freed += taken->weight;
	else
		t->news.sampled -= taken->weight;
}

/* MAP_FIXED replaces what was there. */
static void replace_mappings(struct hp_thread *t, void *p, size_t size)
{
	struct hp_regions_taken taken;

	hp_regions_take((uintptr_t)p, size, &taken);
	hp_regions_settle(&taken, true /* has gone */);
	count_unmapping(t, &taken);
}

void hp_recorder_mapped(void *p, size_t size, const struct hp_site *site)
{
	struct hp_thread *t = enter();
	uint32_t now = current_session();

	if (!t) {
		drop_sample();
		return;
	}
	if (now != 0 && t->session != now)
		join_session(t, now);
	if (now != 0 && hp_recorder_has_mappings) {
		replace_mappings(t, p, size);
		count_mapping(t, size);
		sample_mapping(t, p, size, site);
		hp_trigger_report(&t->news);
	}
	leave(t);
	revive_helper();
	dump_if_due();
}

void hp_recorder_unmapping(void *p, size_t size, struct hp_unmapping *out)
{
	struct hp_thread *t = hp_regions_is_empty() ? NULL : enter();

	out->session = t ? current_session() : 0;
	if (out->session != 0)
		hp_regions_take((uintptr_t)p, size, &out->taken);
	if (t)
		hp_thread_leave(t);
}

void hp_recorder_unmapped(const struct hp_unmapping *u, bool has_gone)
{
	struct hp_thread *t = u->session ? enter() : NULL;
	uint32_t now = current_session();

	if (!t)
		return;
	if (t->session != now && now != 0)
		join_session(t, now);
	if (u->session == now) {
		hp_regions_settle(&u->taken, has_gone);
		if (has_gone)
			count_unmapping(t, &u->taken);
		hp_trigger_report(&t->news);
	}
	leave(t);
	dump_if_due();
}

/* --- sessions ------------------------------------------------------------------------------ */

/* Who is inside may still use the tables: without a quiet moment they are kept. */
static void empty_tables(bool may_free)
{
	if (hp_recorder_pause() && may_free) {
		hp_live_stop();
		hp_regions_reset();
		hp_stacks_reset();
		are_tables_empty = true;
	}
	hp_recorder_resume();
}

bool hp_recorder_start(const struct hp_options *options)
{
	if (!are_tables_empty)
		empty_tables(true /* may free */);
	if (!are_tables_empty)
		return false;
	are_tables_empty = false;
	interval = options->sample_interval;
	depth = options->stack_depth;
	seed = options->seed;
	if (seed == 0)
		hp_sys_getrandom(&seed, sizeof(seed));
	is_only_mappings = options->only_mmap;
	hp_recorder_has_mappings = options->record_mmap || options->only_mmap;
	memset(n_samples, 0, sizeof(n_samples));
	n_dropped = n_threads_seeded = 0;
	hp_trigger_start(options);
	hp_live_reset(interval >= FILTER_INTERVAL_MIN);
	hp_regions_start(interval, seed);
	first_session = own_session = ++newest_session;
	__atomic_store_n(&session, own_session, __ATOMIC_SEQ_CST);
	hp_thread_on_exit = report_last_news;
	hp_thread_begin_session(session);
	return true;
}

void hp_recorder_stop(bool may_free)
{
	hp_recorder_has_mappings = false;
	__atomic_store_n(&session, 0, __ATOMIC_SEQ_CST);
	empty_tables(may_free);
}

/* One thread at a time, unless the other takes too long: two that recorded in each other's pause
 * would wait for each other. */
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

bool hp_recorder_pause(void)
{
	begin_pause();
	return hp_thread_wait_idle(PAUSE_PATIENCE_MS);
}

void hp_recorder_resume(void)
{
	hp_tls.n_pauses--;
	__atomic_sub_fetch(&n_pauses, 1, __ATOMIC_SEQ_CST);
	hp_sys_futex_wake(&n_pauses, INT_MAX);
}

void hp_recorder_after_fork(bool is_clean)
{
	if (hp_recorder_is_running())
		session = own_session = ++newest_session;
	hp_thread_after_fork(session);
	hp_scratch_after_fork();
	hp_modules_after_fork();
	hp_frame_rule_after_fork(is_clean);
	hp_live_after_fork();
	hp_regions_after_fork();
	hp_stacks_after_fork();
	if (!is_clean && hp_recorder_is_running()) {
		/* Some thread was in the middle of a table. */
		hp_live_reset(interval >= FILTER_INTERVAL_MIN);
		hp_regions_reset();
		hp_stacks_reset();
	}
	hp_trigger_after_fork();
	memset(n_samples, 0, sizeof(n_samples));
	n_dropped = 0;
	seed ^= (uint64_t)hp_sys_getpid() * 0xd1342543de82ef95ull;
	hp_tls.n_pauses = 0;
	__atomic_store_n(&n_pauses, 0, __ATOMIC_SEQ_CST);
}
