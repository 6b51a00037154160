/* SPDX-License-Identifier: MIT */
#include "record/recorder.h"
#include "process/process.h"
#include "record/pool_marks.h"
#include "tables/pool_objects.h"
#include "tables/stacks.h"

bool hp_recorder_has_mappings;

static void ignore_report(void)
{
}

void (*hp_recorder_on_report)(void) = ignore_report;

static bool are_tables_empty = true;
static uint64_t n_dropped;
static uint64_t n_samples_before; /* the total when the present session began */
static uint64_t n_stacks_cut_before;
static uint64_t allocated_in_last; /* in the last session, when it ended: afterwards threads go on
				      counting */

uint64_t hp_recorder_n_dropped(void)
{
	return __atomic_load_n(&n_dropped, __ATOMIC_RELAXED);
}

uint64_t hp_recorder_n_samples(void)
{
	/* Read this before the total: if a session begins meanwhile, the total is only higher. */
	uint64_t before = __atomic_load_n(&n_samples_before, __ATOMIC_ACQUIRE);

	return hp_thread_samples_total() - before;
}

uint64_t hp_recorder_n_stacks_cut(void)
{
	uint64_t before = __atomic_load_n(&n_stacks_cut_before, __ATOMIC_ACQUIRE);

	return hp_thread_stacks_cut_total() - before;
}

uint64_t hp_recorder_allocated_bytes(void)
{
	if (!hp_session_is_running())
		return __atomic_load_n(&allocated_in_last, __ATOMIC_RELAXED);
	return hp_session.is_only_mappings ? hp_trigger_totals().allocated
					   : hp_thread_allocated_total();
}

/* Adds what threads have counted and not yet reported to the triggers to the triggers' totals. */
void hp_recorder_estimate(uint64_t *out_inuse, uint64_t *out_freed)
{
	struct hp_trigger_totals totals = hp_trigger_totals();
	struct hp_trigger_news news = hp_thread_news_total();
	uint64_t in = totals.sampled + news.sampled, freed = totals.freed + news.freed;

	*out_inuse = in > freed ? in - freed : 0;
	*out_freed = freed;
}

void hp_recorder_drop_sample(void)
{
	__atomic_add_fetch(&n_dropped, 1, __ATOMIC_RELAXED);
}

/* --- recording ----------------------------------------------------------------------------- */

/* Returns true if the block of `size` bytes, which were just counted, is to be sampled. Sets
 * *out_level to its level; that is 0 unless the session's interval is automatic. */
static bool is_turn(struct hp_thread *t, size_t size, uint32_t *out_level)
{
	uint64_t after_mark = hp_tls_allocated(&hp_tls) - t->sample_at;

	*out_level = 0;
	if (t->sampler.interval != 1 && hp_tls_allocated(&hp_tls) < t->sample_at)
		return false;
	if (hp_session_is_auto())
		*out_level = hp_sampler_level(&t->sampler, size, size - after_mark);
	return true;
}

/* Sets the thread's next mark, at the session's present interval, if its last one was reached or
 * the interval has changed. */
static void set_next_mark(struct hp_thread *t, bool was_reached)
{
	uint64_t interval = hp_session_interval();

	if (t->sampler.interval == interval && (interval == 1 || !was_reached))
		return;
	t->sampler.interval = interval;
	t->sample_at = hp_tls_allocated(&hp_tls) + hp_sampler_next_gap(&t->sampler);
}

void hp_recorder_count_free(hp_handle record, uint64_t size, uint32_t session)
{
	if (session < hp_session.own)
		hp_stacks_uncount_alloc(record, size);
	else
		hp_stacks_count_free(record, size);
}

static void count_entry_free(const struct hp_live_entry *entry)
{
	hp_recorder_count_free(entry->record, entry->size, entry->session);
}

bool hp_recorder_is_current(uint32_t session, uint32_t now)
{
	return now != 0 && session >= hp_session.first;
}

static bool is_current(const struct hp_live_entry *entry, uint32_t now)
{
	return hp_recorder_is_current(entry->session, now);
}

/* Walks the stack. Returns the number of frames, which are in the walker. */
static size_t walk(struct hp_thread *t, const struct hp_site *site)
{
	return hp_pool_marks_block(&t->walker, hp_unwind(&t->walker, site, hp_session.depth));
}

/* Counts an allocation by the stack that was walked. Returns its record, or 0 if there is no room
 * or no frame. */
static hp_handle count_alloc(struct hp_thread *t, size_t n_frames, size_t size, uint32_t level)
{
	uint32_t key = hp_stacks_key(hp_sampler_size_class(size, hp_session.interval), level);

	if (n_frames == 0)
		return 0;
	return hp_stacks_count_alloc(t->walker.frames, n_frames, key, size,
				     hp_session.interval == 1 ? t->number : 0);
}

/* Returns how many bytes a sample represents now: none, if it is no longer shown. */
static uint64_t weight_now(uint64_t size, uint32_t level)
{
	if (!hp_session_is_auto())
		return hp_sampler_weight_bytes(size, hp_session.interval);
	uint32_t now = hp_level_now();

	return level < now ? 0 : hp_sampler_weight_bytes(size, UINT64_C(1) << now);
}

static void note_sample(struct hp_thread *t, size_t size, uint32_t level)
{
	__atomic_store_n(&t->n_samples, t->n_samples + 1, __ATOMIC_RELAXED);
	if (t->walker.is_cut)
		__atomic_store_n(&t->n_stacks_cut, t->n_stacks_cut + 1, __ATOMIC_RELAXED);
	t->news.sampled += weight_now(size, level);
}

/* Returns the record, or 0 if the sample was dropped. */
/* Returns the block's record, or 0 if there is no room or no frame. */
static hp_handle record_block(struct hp_thread *t, size_t n_frames, void *p, size_t size,
			      uint32_t level)
{
	struct hp_live_entry replaced;
	struct hp_live_entry entry = {
		.address = (uintptr_t)p,
		.size = size,
		.session = t->session,
	};

	entry.record = count_alloc(t, n_frames, size, level);
	if (!entry.record)
		return 0;
	if (!hp_live_insert(&entry, &replaced)) {
		hp_stacks_uncount_alloc(entry.record, size);
		return 0;
	}
	if (replaced.address)
		count_entry_free(&replaced);
	note_sample(t, size, level);
	return entry.record;
}

/* Drops the entry of a sample that is no longer shown. It counts as freed, so that its record can
 * be folded. */
static bool drop_hidden(const struct hp_live_entry *entry)
{
	if (hp_stacks_level(entry->record) >= hp_level_now())
		return false;
	count_entry_free(entry);
	return true;
}

/* Samples a block. If the thread is late, and takes a sample at an interval from which the session
 * has gone on, the sample may not be shown any more: then there is nothing to record. */
static void sample_block(struct hp_thread *t, void *p, size_t size, uint32_t level,
			 const struct hp_site *site)
{
	bool is_auto = hp_session_is_auto();

	if (is_auto && level < hp_level_now())
		return;
	size_t n_frames = walk(t, site);
	uint32_t present = hp_level_now();
	hp_handle record = record_block(t, n_frames, p, size, level);

	/* With the interval raised, fewer samples need room, and this one may not be shown. */
	while (!record && n_frames > 0 && is_auto && hp_level_make_room(present, drop_hidden)) {
		present = hp_level_now();
		if (level < present)
			return;
		record = record_block(t, n_frames, p, size, level);
	}
	if (!record)
		hp_recorder_drop_sample();
	if (is_auto) {
		hp_level_count(level, record && hp_stacks_is_new(record));
		hp_level_sweep(drop_hidden);
	}
}

static bool has_much_news(const struct hp_thread *t)
{
	return hp_tls_allocated(&hp_tls) - t->accounted >= t->step || t->news.sampled >= t->step ||
	       t->news.freed >= t->step;
}

void hp_recorder_allocated(void *p, size_t size, const struct hp_site *site)
{
	struct hp_thread *t = hp_session_enter();
	bool has_reported = false;
	uint32_t level;

	if (!t) {
		hp_recorder_drop_sample();
		return;
	}
	uint32_t now = hp_session_number();

	if (t->sampler.interval == 1)
		hp_live_prefetch(p);
	if (now != 0 && t->session != now)
		hp_session_join(t, now);
	hp_session_count(size);
	if (now != 0 && !hp_session.is_only_mappings) {
		bool is_sampled = is_turn(t, size, &level);

		if (is_sampled)
			sample_block(t, p, size, level, site);
		set_next_mark(t, is_sampled);
		has_reported = has_much_news(t) || hp_tls.thread != t;
		if (has_reported)
			hp_session_report(t);
	}
	hp_session_leave(t);
	if (has_reported)
		hp_recorder_on_report();
}

/* Takes the block's entry out of the table. Returns the thread, which has entered and must leave;
 * or NULL, and the thread has not entered, if the block has no entry, no session runs, or the
 * thread can't enter. What the table will read and what the allocator will write is fetched at the
 * same time: with 100,000 live blocks, this saves three tenths of the time of a malloc and its
 * free. */
static struct hp_thread *enter_and_take(void *p, struct hp_live_entry *out)
{
	if (!hp_session_is_running())
		return NULL;
	hp_live_prefetch(p);
	__builtin_prefetch((char *)p - sizeof(size_t), 1 /* to write */);
	struct hp_thread *t = hp_session_enter();

	if (!t) {
		hp_recorder_drop_sample(); /* a sampled block stays in use until its address is
					      reused */
		return NULL;
	}
	if (hp_session_is_running() && hp_live_take((uintptr_t)p, out))
		return t;
	hp_session_leave_unchanged(t);
	return NULL;
}

/* Counts the entry's block as freed. The thread must have entered. */
static void count_free_and_leave(struct hp_thread *t, const struct hp_live_entry *entry)
{
	uint32_t now = hp_session_number();
	bool has_reported = false;

	if (is_current(entry, now)) {
		uint32_t level = hp_session_is_auto() ? hp_stacks_level(entry->record) : 0;

		count_entry_free(entry);
		/* This may be the thread's first call in this session. */
		if (t->session != now)
			hp_session_join(t, now);
		t->news.freed += weight_now(entry->size, level);
		has_reported = has_much_news(t) || hp_tls.thread != t;
	}
	if (has_reported)
		hp_session_report(t);
	hp_session_leave(t);
	if (has_reported)
		hp_recorder_on_report();
}

void hp_recorder_freeing(void *p)
{
	struct hp_live_entry entry;
	struct hp_thread *t = enter_and_take(p, &entry);

	if (t)
		count_free_and_leave(t, &entry);
}

bool hp_recorder_forget(void *p, struct hp_live_entry *out)
{
	struct hp_thread *t = enter_and_take(p, out);

	if (t)
		hp_session_leave_unchanged(t);
	return t;
}

void hp_recorder_freed(const struct hp_live_entry *entry)
{
	struct hp_thread *t = hp_session_enter();

	if (t)
		count_free_and_leave(t, entry);
	else
		hp_recorder_drop_sample();
}

void hp_recorder_keep(const struct hp_live_entry *entry)
{
	struct hp_thread *t = hp_session_enter();
	struct hp_live_entry replaced;

	if (!t) {
		hp_recorder_drop_sample();
		return;
	}
	if (is_current(entry, hp_session_number()) && !hp_live_insert(entry, &replaced)) {
		count_entry_free(entry); /* the block's free will find no entry */
		hp_recorder_drop_sample();
	}
	hp_session_leave_unchanged(t);
}

/* Runs at the end of each thread, and reports what the thread has not yet reported to the triggers.
 * They would miss much otherwise: a program may have a thread for each request. */
static void report_last_news(void)
{
	struct hp_thread *t = hp_session_is_running() ? hp_session_enter() : NULL;
	bool has_reported = t && t->session == hp_session_number();

	if (has_reported)
		hp_session_report(t);
	if (t)
		hp_session_leave(t);
	if (has_reported)
		hp_recorder_on_report();
}

/* --- mappings ------------------------------------------------------------------------------ */

/* Samples a mapping with the same probability as a block of its size. It is sampled by a gap of its
 * own and uses up no bytes of the heap's countdown. */
static void sample_mapping(struct hp_thread *t, uintptr_t p, size_t size, bool is_growth,
			   const struct hp_site *site)
{
	uint64_t gap = hp_sampler_next_gap(&t->sampler);
	hp_handle h;

	if (gap > size)
		return;
	h = count_alloc(t, walk(t, site), size, 0 /* level */);
	if (!h) {
		hp_recorder_drop_sample();
		return;
	}
	if (!(is_growth ? hp_regions_add_growth : hp_regions_add)(p, size, gap, h)) {
		hp_stacks_count_free(h, size);
		hp_recorder_drop_sample();
		return;
	}
	note_sample(t, size, 0 /* level */);
}

static void count_mapping(struct hp_thread *t, size_t size)
{
	hp_session_count(size);
	t->sample_at += size;
	t->accounted += size;
	t->news.allocated += size;
}

/* Counts `weight` bytes as freed. The weight is negative if the estimate of a mapping's rest is
 * higher than the estimate of the whole mapping, which happens if little of it remains; then
 * -weight counts as sampled. */
static void count_unmapping(struct hp_thread *t, int64_t weight)
{
	if (weight > 0)
		t->news.freed += weight;
	else
		t->news.sampled -= weight;
}

static void drop_mappings(struct hp_thread *t, uintptr_t p, size_t size)
{
	struct hp_regions_taken taken;

	hp_regions_take(p, size, &taken);
	hp_regions_settle(&taken, true /* has gone */);
	count_unmapping(t, taken.weight);
}

/* Counts a mapping, or a part of a mapping that becomes usable. Mappings that were recorded there
 * before are dropped: MAP_FIXED replaces them. */
static void count_usable(struct hp_thread *t, uintptr_t p, size_t size, bool is_growth,
			 const struct hp_site *site)
{
	drop_mappings(t, p, size);
	count_mapping(t, size);
	sample_mapping(t, p, size, is_growth, site);
}

static void add_mapping(struct hp_thread *t, uintptr_t p, size_t size, enum hp_space kind,
			bool is_growth, const struct hp_site *site)
{
	if (!hp_spaces_set(p, size, kind))
		hp_recorder_drop_sample();
	if (kind == HP_SPACE_USABLE)
		count_usable(t, p, size, is_growth, site);
	else
		drop_mappings(t, p, size);
}

void hp_recorder_mapped(void *p, size_t size, enum hp_space kind, const struct hp_site *site)
{
	struct hp_thread *t = hp_session_enter();
	uint32_t now = hp_session_number();

	if (!t) {
		hp_recorder_drop_sample();
		return;
	}
	if (now != 0 && t->session != now)
		hp_session_join(t, now);
	if (now != 0 && hp_recorder_has_mappings) {
		add_mapping(t, (uintptr_t)p, size, kind, false /* a growth */, site);
		hp_trigger_report(&t->news);
	}
	hp_session_leave(t);
	hp_recorder_on_report();
}

bool hp_recorder_has_reserved(const void *p)
{
	struct hp_thread *t = hp_session_enter();
	bool is_reserved = t && hp_spaces_at((uintptr_t)p) == HP_SPACE_RESERVED;

	if (t)
		hp_session_leave_unchanged(t);
	return is_reserved;
}

/* Changes the next part of the range that is not usable to usable or, if `is_usable` is false, the
 * next part that is usable to reserved, and stores it in `out`. Returns false if there is no such
 * part. */
static bool turn_next(uintptr_t p, size_t size, bool is_usable, struct hp_space_range *out)
{
	return is_usable ? hp_spaces_turn(p, size, HP_SPACE_RESERVED, HP_SPACE_USABLE, out)
			 : hp_spaces_turn(p, size, HP_SPACE_USABLE, HP_SPACE_RESERVED, out);
}

static void count_turned(struct hp_thread *t, const struct hp_space_range *range, bool is_usable,
			 const struct hp_site *site)
{
	size_t size = range->end - range->start;

	if (is_usable)
		count_usable(t, range->start, size, false /* a growth */, site);
	else
		drop_mappings(t, range->start, size);
}

static void leave_and_report(struct hp_thread *t)
{
	hp_trigger_report(&t->news);
	hp_session_leave(t);
	hp_recorder_on_report();
}

/* Enters only if the tables show that something may change: run-time compilers call mprotect for
 * each piece of code, and mostly there is nothing to record. */
void hp_recorder_protected(void *p, size_t size, bool is_usable, const struct hp_site *site)
{
	bool may_turn = is_usable ? hp_spaces_reserved_bytes() > 0 : !hp_spaces_is_empty();
	struct hp_thread *t = may_turn ? hp_session_enter() : NULL;
	uint32_t now = hp_session_number();
	struct hp_space_range range;

	if (!t)
		return;
	if (now == 0 || !turn_next((uintptr_t)p, size, is_usable, &range)) {
		hp_session_leave_unchanged(t);
		return;
	}
	if (t->session != now)
		hp_session_join(t, now);
	do
		count_turned(t, &range, is_usable, site);
	while (turn_next(range.end, (uintptr_t)p + size - range.end, is_usable, &range));
	leave_and_report(t);
}

static bool has_mappings_to_take(void)
{
	return !hp_regions_is_empty() || !hp_spaces_is_empty();
}

static void take_unmapping(uintptr_t start, size_t size, struct hp_unmapping *out)
{
	out->start = start;
	out->size = size;
	hp_regions_take(start, size, &out->taken);
	hp_spaces_take(start, size, &out->spaces);
}

static void settle_unmapping(struct hp_thread *t, const struct hp_unmapping *u, bool has_gone)
{
	hp_regions_settle(&u->taken, has_gone);
	if (has_gone)
		count_unmapping(t, u->taken.weight);
	else
		hp_spaces_put_back(&u->spaces, u->start, u->size, u->start);
}

void hp_recorder_unmapping(void *p, size_t size, struct hp_unmapping *out)
{
	struct hp_thread *t = has_mappings_to_take() ? hp_session_enter() : NULL;

	out->session = t ? hp_session_number() : 0;
	if (out->session != 0)
		take_unmapping((uintptr_t)p, size, out);
	if (t)
		hp_session_leave_unchanged(t);
}

/* Enters if the running session is still `session`, in which something was taken out of the tables.
 * Returns the thread, which has entered and must leave; or NULL, and the thread has not entered, if
 * the session is over or nothing was taken out (`session` is 0). */
static struct hp_thread *enter_same_session(uint32_t session)
{
	struct hp_thread *t = session ? hp_session_enter() : NULL;
	uint32_t now = hp_session_number();

	if (!t)
		return NULL;
	if (now != 0 && t->session != now)
		hp_session_join(t, now);
	if (session == now)
		return t;
	hp_session_leave(t);
	return NULL;
}

void hp_recorder_unmapped(const struct hp_unmapping *u, bool has_gone)
{
	struct hp_thread *t = enter_same_session(u->session);

	if (!t)
		return;
	settle_unmapping(t, u, has_gone);
	leave_and_report(t);
}

/* Returns how many bytes of the mapping are the same before and after the call. */
static size_t size_kept(const struct hp_remapping *r)
{
	return r->old_size < r->size ? r->old_size : r->size;
}

/* Returns the kind of the mapping's last page, which is also the kind of the bytes by which it
 * grows. */
static enum hp_space kind_of(const struct hp_remapping *r)
{
	enum hp_space kind = hp_spaces_at(r->old + r->old_size - (r->old_size > 0));

	return kind == HP_SPACE_RESERVED ? kind : HP_SPACE_USABLE;
}

void hp_recorder_remapping(struct hp_remapping *r)
{
	struct hp_thread *t = hp_session_enter();
	size_t kept = size_kept(r);
	int64_t weight;

	r->tail.session = t ? hp_session_number() : 0;
	r->aside = 0;
	if (!t)
		return;
	if (r->tail.session != 0) {
		r->kind = kind_of(r);
		take_unmapping(r->old + kept, r->old_size - kept, &r->tail);
	}
	if (r->tail.session != 0 && r->may_move && kept > 0) {
		hp_spaces_take(r->old, kept, &r->spaces);
		r->aside = hp_regions_put_aside(r->old, kept, &weight);
		count_unmapping(t, weight);
	}
	hp_session_leave_unchanged(t);
}

static void settle_place(struct hp_thread *t, const struct hp_remapping *r, uintptr_t now)
{
	size_t kept = size_kept(r);

	if (!r->aside)
		return;
	if (now != r->old) {
		drop_mappings(t, now, kept);
		hp_spaces_set(now, kept, HP_SPACE_UNKNOWN);
	}
	hp_regions_bring_back(r->aside, kept, now);
	hp_spaces_put_back(&r->spaces, r->old, kept, now);
}

void hp_recorder_remapped(const struct hp_remapping *r, void *p, const struct hp_site *site)
{
	struct hp_thread *t = enter_same_session(r->tail.session);
	uintptr_t now = p ? (uintptr_t)p : r->old;
	size_t kept = size_kept(r);

	if (!t)
		return;
	settle_unmapping(t, &r->tail, p /* has gone */);
	settle_place(t, r, now);
	if (p && r->size > kept)
		add_mapping(t, now + kept, r->size - kept, r->kind, kept > 0 /* a growth */, site);
	leave_and_report(t);
}

/* --- sessions ------------------------------------------------------------------------------ */

/* Empties the tables, unless they may still be in use: by a dump (`may_free` is false), or by a
 * thread that the pause could not keep out. */
static void empty_tables(bool may_free)
{
	if (hp_session_pause() && may_free) {
		hp_live_stop();
		hp_pool_objects_reset(0);
		hp_regions_reset();
		hp_spaces_reset();
		hp_stacks_reset();
		are_tables_empty = true;
	}
	hp_session_resume();
}

static void reset_live(void)
{
	hp_live_reset(hp_session_interval() >> HP_LEVEL_SWEPT > 0, hp_session.first);
	hp_pool_objects_reset(hp_session.first);
}

/* Restarts the counts at 0, for a new session or a new process. */
static void restart_counts(void)
{
	__atomic_store_n(&n_samples_before, hp_thread_samples_total(), __ATOMIC_RELEASE);
	__atomic_store_n(&n_stacks_cut_before, hp_thread_stacks_cut_total(), __ATOMIC_RELEASE);
	n_dropped = 0;
}

bool hp_recorder_start(const struct hp_options *options)
{
	if (!are_tables_empty)
		empty_tables(true /* may free */);
	if (!are_tables_empty)
		return false;
	are_tables_empty = false;
	hp_session_prepare(options);
	hp_recorder_has_mappings = options->record_mmap || options->only_mmap;
	restart_counts();
	hp_trigger_start(options);
	reset_live();
	hp_regions_start(hp_session.interval, hp_session.seed, hp_session.own);
	hp_thread_on_exit = report_last_news;
	hp_process_next_run();
	hp_session_begin();
	return true;
}

void hp_recorder_stop(bool may_free)
{
	hp_recorder_has_mappings = false;
	__atomic_store_n(&allocated_in_last, hp_recorder_allocated_bytes(), __ATOMIC_RELAXED);
	hp_session_end();
	empty_tables(may_free);
}

void hp_recorder_after_fork(bool is_clean)
{
	if (!is_clean && hp_session_is_running()) {
		/* Another thread may have been changing a table at the time of the fork. */
		hp_level_start();
		reset_live();
		hp_regions_reset();
		hp_spaces_reset();
		hp_stacks_reset();
	}
	hp_level_after_fork();
	restart_counts();
	allocated_in_last = 0;
}

const struct hp_view_row hp_recorder_view[] = {
	HP_VIEW_VARIABLE("recorder.n_dropped", n_dropped),
	HP_VIEW_VARIABLE("recorder.n_samples_before", n_samples_before),
	HP_VIEW_VARIABLE("recorder.n_stacks_cut_before", n_stacks_cut_before),
	HP_VIEW_VARIABLE("recorder.has_mappings", hp_recorder_has_mappings),
};
