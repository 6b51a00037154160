/* SPDX-License-Identifier: MIT */
/* A thread has a sampler and a countdown for objects alone. The gaps between marks are exponential,
 * which have no memory: whenever a countdown is lost, because a session begins or the thread has
 * borrowed its struct, a new gap is as good as the rest of the old one. `objects_left` is 0 then.
 */
#include "record/pool_recorder.h"
#include "process/frame.h"
#include "record/recorder.h"
#include "tables/pool_objects.h"
#include "tables/stacks.h"
#include <string.h>

enum {
	/* Without a session, a thread looks again after so many bytes; the beginning of a session
	 * recalls it earlier. */
	BYTES_WITHOUT_A_SESSION = 1 << 20,
};

/* --- recording ----------------------------------------------------------------------------- */

static uint32_t key_of(size_t size, uint32_t level)
{
	return hp_stacks_key(hp_sampler_size_class(size, hp_session.interval), level);
}

static uint32_t stripe_of(const struct hp_thread *t)
{
	return hp_session.interval == 1 ? t->number : 0;
}

/* Walks the stack, leaves out the adaptor's own frames, and marks it. Returns the object's record,
 * or 0. */
static hp_handle count_object(struct hp_thread *t, const struct hp_pool_kind *kind,
			      const void *pool, size_t size, uint32_t level,
			      const struct hp_site *site)
{
	size_t depth = hp_session.depth + kind->skip;
	size_t n = hp_unwind(&t->walker, site,
			     depth < HP_STACK_DEPTH_MAX ? depth : HP_STACK_DEPTH_MAX);
	size_t skipped = n > kind->skip ? kind->skip : 0;

	if (n == 0)
		return 0;
	t->walker.frames[n++] = hp_frame_of_pool(hp_pool_names_number(kind, pool), false);
	return hp_stacks_count_alloc(t->walker.frames + skipped, n - skipped, key_of(size, level),
				     size, stripe_of(t));
}

static void count_free(const struct hp_pool_object *object)
{
	hp_recorder_count_free(object->record, object->size, object->session);
}

/* The object's address and size come from the program, which may be wrong about them. */
static hp_handle add_object(struct hp_thread *t, const struct hp_pool_kind *kind, const void *pool,
			    void *p, size_t size, uint32_t level, const struct hp_site *site)
{
	struct hp_pool_object replaced, object = {
						.address = (uintptr_t)p,
						.size = size,
						.session = t->session,
					};

	if (!hp_pool_objects_can_hold(object.address, size))
		return 0;
	object.record = count_object(t, kind, pool, size, level, site);
	if (!object.record)
		return 0;
	bool is_inserted = hp_pool_objects_insert(pool, &object, &replaced);

	if (replaced.address)
		count_free(&replaced);
	if (!is_inserted)
		count_free(&object);
	return is_inserted ? object.record : 0;
}

/* Returns the record, or 0 if the sample was dropped. */
static hp_handle record_object(struct hp_thread *t, const struct hp_pool_kind *kind,
			       const void *pool, void *p, size_t size, uint32_t level,
			       const struct hp_site *site)
{
	hp_handle record = add_object(t, kind, pool, p, size, level, site);

	if (!record)
		hp_recorder_drop_sample();
	return record;
}

/* Returns true if the object is no longer shown: its level is below the session's. */
static bool drop_hidden(const struct hp_pool_object *object)
{
	if (hp_stacks_level(object->record) >= hp_level_now())
		return false;
	count_free(object);
	return true;
}

/* Records a sampled object, unless the session's interval has grown beyond its level. `gap` is the
 * position of the mark in the object. */
static void sample_object(struct hp_thread *t, const struct hp_pool_kind *kind, const void *pool,
			  void *p, size_t size, uint64_t gap, const struct hp_site *site)
{
	uint32_t level;
	hp_handle record;

	if (!hp_session_is_auto()) {
		record_object(t, kind, pool, p, size, 0, site);
		return;
	}
	level = hp_sampler_level(&t->object_sampler, size, gap);
	if (level < hp_level_now())
		return;
	record = record_object(t, kind, pool, p, size, level, site);
	hp_level_count(level, record && hp_stacks_is_new(record));
	hp_pool_objects_sweep(hp_level_now(), drop_hidden);
}

/* Returns the number of bytes up to the thread's next mark, at the present interval; 0 if each
 * object is recorded. */
static uint64_t next_gap(struct hp_thread *t)
{
	t->object_sampler.interval = hp_session_interval();
	return t->object_sampler.interval == 1 ? 0 : hp_sampler_next_gap(&t->object_sampler);
}

static void count_and_sample(struct hp_thread *t, const struct hp_pool_kind *kind, const void *pool,
			     void *p, size_t size, const struct hp_site *site)
{
	uint64_t gap = hp_tls.objects_left ? hp_tls.objects_left : next_gap(t);
	bool is_sampled = gap <= size;

	if (is_sampled)
		sample_object(t, kind, pool, p, size, gap, site);
	if (hp_tls.thread != t)
		hp_tls.objects_left = 0;
	else
		hp_tls.objects_left = is_sampled ? next_gap(t) : gap - size;
}

void hp_pool_recorder_allocated(const struct hp_pool_kind *kind, const void *pool, void *p,
				size_t size, const struct hp_site *site)
{
	struct hp_thread *t = hp_session_enter();

	if (!t) {
		hp_recorder_drop_sample();
		return;
	}
	uint32_t now = hp_session_number();

	if (now != 0 && !hp_session.is_only_mappings) {
		if (t->session != now)
			hp_session_join(t, now);
		count_and_sample(t, kind, pool, p, size, site);
		hp_session_leave(t);
		return;
	}
	if (hp_tls.thread == t)
		hp_tls.objects_left = BYTES_WITHOUT_A_SESSION;
	hp_session_leave_unchanged(t);
	/* If a session has begun meanwhile, it may have recalled this thread before that. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (hp_session_number() != now)
		hp_tls.objects_left = 0;
}

/* --- ends of objects ----------------------------------------------------------------------- */

static void count_free_if_current(const struct hp_pool_object *object)
{
	if (hp_recorder_is_current(object->session, hp_session_number()))
		count_free(object);
}

void hp_pool_recorder_freeing(void *p)
{
	struct hp_thread *t = hp_session_enter();
	struct hp_pool_object object;

	if (!t) {
		hp_recorder_drop_sample();
		return;
	}
	if (hp_pool_objects_take((uintptr_t)p, &object))
		count_free_if_current(&object);
	hp_session_leave_unchanged(t);
}

void hp_pool_recorder_resetting(const void *pool)
{
	struct hp_thread *t = hp_session_enter();

	if (!t) {
		hp_recorder_drop_sample();
		return;
	}
	hp_pool_objects_take_pool(pool, count_free_if_current);
	hp_session_leave_unchanged(t);
}

/* --- blocks -------------------------------------------------------------------------------- */

/* Counts the block in a record whose stack is that of the present one with a mark. */
static void mark_entry(struct hp_thread *t, struct hp_live_entry *entry, uint64_t mark)
{
	uint64_t *frames = t->walker.frames;
	uint32_t key;
	size_t n = hp_stacks_read(entry->record, frames, HP_STACK_DEPTH_MAX, &key);
	hp_handle marked;

	if (n > 0 && hp_frame_is_pool(frames[n - 1]))
		n--;
	frames[n++] = mark;
	marked = hp_stacks_count_alloc(frames, n, key, entry->size, stripe_of(t));
	if (!marked)
		return;
	hp_stacks_uncount_alloc(entry->record, entry->size);
	entry->record = marked;
}

void hp_pool_recorder_block(const struct hp_pool_kind *kind, const void *pool, void *block)
{
	struct hp_live_entry entry;

	if (!hp_recorder_forget(block, &entry))
		return;
	uint64_t mark = hp_frame_of_pool(hp_pool_names_number(kind, pool), true /* a block */);
	struct hp_thread *t = hp_session_enter();

	if (t && hp_recorder_is_current(entry.session, hp_session_number()))
		mark_entry(t, &entry, mark);
	if (t)
		hp_session_leave_unchanged(t);
	hp_recorder_keep(&entry);
}
