/* SPDX-License-Identifier: MIT */
#include "record/trigger.h"
#include <string.h>

enum {
	STEP_MIN = 4096,
	STEP_MAX = 1 << 24,
	CLOCK_STEP_MAX = 32 * 1024 /* if threads must also look at the clock: see due.h */
};

/* An alarm asks for a dump when the count that belongs to it reaches `next`. */
struct alarm {
	uint64_t interval; /* 0: off */
	uint64_t next;
	uint64_t first_interval; /* the interval before any widening */
};

static struct alarm allocated_alarm, freed_alarm, inuse_alarm;
static uint64_t allocated, sampled, freed;
static uint64_t step_max = STEP_MAX;

static void set_alarm(struct alarm *a, uint64_t interval)
{
	a->first_interval = interval;
	__atomic_store_n(&a->interval, interval, __ATOMIC_RELAXED);
	__atomic_store_n(&a->next, interval ? interval : UINT64_MAX, __ATOMIC_RELAXED);
}

static uint64_t interval_of(const struct alarm *a)
{
	return __atomic_load_n(&a->interval, __ATOMIC_RELAXED);
}

void hp_trigger_start(const struct hp_options *options)
{
	allocated = sampled = freed = 0;
	set_alarm(&allocated_alarm, options->allocation_interval);
	set_alarm(&freed_alarm, options->deallocation_interval);
	set_alarm(&inuse_alarm, options->inuse_interval);
	step_max = options->time_interval || options->rss_interval ? CLOCK_STEP_MAX : STEP_MAX;
}

struct hp_trigger_totals hp_trigger_totals(void)
{
	struct hp_trigger_totals t = {
		.freed = __atomic_load_n(&freed, __ATOMIC_RELAXED),
		.allocated = __atomic_load_n(&allocated, __ATOMIC_RELAXED),
		.sampled = __atomic_load_n(&sampled, __ATOMIC_RELAXED),
	};

	t.inuse = t.sampled > t.freed ? t.sampled - t.freed : 0;
	return t;
}

void hp_trigger_report(struct hp_trigger_news *news)
{
	__atomic_add_fetch(&allocated, news->allocated, __ATOMIC_RELAXED);
	if (news->sampled)
		__atomic_add_fetch(&sampled, news->sampled, __ATOMIC_RELAXED);
	if (news->freed)
		__atomic_add_fetch(&freed, news->freed, __ATOMIC_RELAXED);
	memset(news, 0, sizeof(*news));
}

static uint64_t distance(const struct alarm *a, uint64_t count)
{
	uint64_t next = __atomic_load_n(&a->next, __ATOMIC_RELAXED);

	return next > count ? next - count : 0;
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Returns how many bytes a thread may count before it reports again: a quarter of the distance to
 * the alarm. The result has a minimum: a count may stay close below `next` for ever, and threads
 * would then report at almost every call. */
static uint64_t step_to_alarm(const struct alarm *a, uint64_t count)
{
	return max(distance(a, count) / 4, min(STEP_MIN, interval_of(a) / 4 + 1));
}

/* Returns a step towards the alarm for bytes allocated. These only grow, so the last step may lead
 * exactly to `next`. */
static uint64_t step_to_allocated(uint64_t count)
{
	uint64_t left = distance(&allocated_alarm, count);

	return max(left / 4, max(1, min(STEP_MIN, left)));
}

uint64_t hp_trigger_step(void)
{
	struct hp_trigger_totals t = hp_trigger_totals();
	uint64_t step =
		min(step_to_alarm(&freed_alarm, t.freed), step_to_alarm(&inuse_alarm, t.inuse));

	return min(step_max, min(step, step_to_allocated(t.allocated)));
}

/* Moves the alarm from `next` to one interval after `count`. Returns false if it is off, if another
 * thread has moved it, if it would not move forward, or if the sum overflows. */
static bool move_on(struct alarm *a, uint64_t next, uint64_t count)
{
	uint64_t after;

	return interval_of(a) && !__builtin_add_overflow(count, interval_of(a), &after) &&
	       after > next &&
	       __atomic_compare_exchange_n(&a->next, &next, after, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
}

static void begin_anew(struct alarm *a, uint64_t count)
{
	move_on(a, __atomic_load_n(&a->next, __ATOMIC_RELAXED), count);
}

/* Returns true if the count has reached the alarm, but to only one of the threads that see this. */
static bool rings(struct alarm *a, uint64_t count)
{
	uint64_t next = __atomic_load_n(&a->next, __ATOMIC_RELAXED);

	return count >= next && move_on(a, next, count);
}

/* Restarts all intervals when a dump is due for any reason, because every dump shows the whole
 * state. The alarm for bytes in use only moves up, even if less is in use than before: it asks for
 * a dump at a new high-water mark. gperftools does the same. */
static void restart_alarms(const struct hp_trigger_totals *t)
{
	begin_anew(&allocated_alarm, t->allocated);
	begin_anew(&freed_alarm, t->freed);
	begin_anew(&inuse_alarm, t->inuse);
}

static void put_bytes(struct hp_text *reason, uint64_t bytes, const char *what)
{
	hp_text_size(reason, bytes);
	hp_text_string(reason, what);
}

static bool is_due(const struct hp_trigger_totals *t, struct hp_text *reason)
{
	if (rings(&allocated_alarm, t->allocated))
		put_bytes(reason, t->allocated, " allocated cumulatively, ");
	else if (rings(&freed_alarm, t->freed))
		put_bytes(reason, t->freed, " freed cumulatively, ");
	else if (!rings(&inuse_alarm, t->inuse))
		return false;
	put_bytes(reason, t->inuse, " currently in use");
	return true;
}

bool hp_trigger_is_due(struct hp_text *reason)
{
	struct hp_trigger_totals t = hp_trigger_totals();

	if (!is_due(&t, reason))
		return false;
	restart_alarms(&t);
	return true;
}

/* Doubles an interval. `next` is moved by one old interval as well: the dump just written stays,
 * and the next one is to be as far from it as the dumps that stay are from each other. */
static void widen(struct alarm *a)
{
	uint64_t interval = interval_of(a), wider;

	if (interval == 0 || __builtin_mul_overflow(interval, (uint64_t)2, &wider))
		return;
	__atomic_store_n(&a->interval, wider, __ATOMIC_RELAXED);
	if (distance(a, 0) < UINT64_MAX - interval)
		__atomic_add_fetch(&a->next, interval, __ATOMIC_RELAXED);
}

void hp_trigger_widen(void)
{
	widen(&allocated_alarm);
	widen(&freed_alarm);
	widen(&inuse_alarm);
}

static void set_alarm_after(struct alarm *a, uint64_t count)
{
	a->interval = a->first_interval;
	if (a->interval)
		a->next = count + a->interval;
}

void hp_trigger_after_fork(void)
{
	struct hp_trigger_totals t = hp_trigger_totals();

	allocated = freed = 0;
	sampled = t.inuse;
	set_alarm_after(&allocated_alarm, 0);
	set_alarm_after(&freed_alarm, 0);
	inuse_alarm.interval = inuse_alarm.first_interval;
}

const struct hp_view_row hp_trigger_view[] = {
	HP_VIEW_VARIABLE("trigger.allocated", allocated),
};
