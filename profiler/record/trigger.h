/* SPDX-License-Identifier: MIT */
/* A trigger asks for a dump when an interval of bytes has been used up. There is one each for bytes
 * allocated, freed and in use; threads report what they have counted to all three.
 *
 * Any thread; lock-free; but for start, widen and after_fork. */
#pragma once
#include "base/options.h"
#include "base/text.h"
#include "base/view.h"

/* Counts that a thread has not reported yet. */
struct hp_trigger_news {
	uint64_t allocated; /* exact, bytes */
	uint64_t sampled;   /* estimated bytes that came into use */
	uint64_t freed;     /* estimated bytes that were freed */
};

struct hp_trigger_totals {
	uint64_t allocated, sampled, freed; /* bytes, as in the news */
	uint64_t inuse;                     /* sampled and not freed */
};

/* Begins to count, with nothing in use. */
void hp_trigger_start(const struct hp_options *options);

/* Adds a thread's news to the totals and clears them. */
void hp_trigger_report(struct hp_trigger_news *news);

/* Returns how many bytes a thread may allocate or free before it should report again: a quarter of
 * what is left to the nearest interval's end, and at least 4 KiB. So the end is noticed closely,
 * and costs little while it is far. The result is below 4 KiB only for an interval that is small
 * itself, and for the last step to the end of the allocation interval. It is at most 32 KiB where
 * dumps by time or resident memory are asked for: threads that report make these. */
uint64_t hp_trigger_step(void);

/* Returns true to one caller each time an interval has been used up. That caller dumps, for the
 * reason stored in `reason`, and all intervals begin anew. */
bool hp_trigger_is_due(struct hp_text *reason);

/* Doubles all intervals, from the next dump on. The caller holds the lock of dumps. */
void hp_trigger_widen(void);

struct hp_trigger_totals hp_trigger_totals(void);

/* In a fork child: the bytes allocated and freed begin at 0, those in use stay, and intervals are
 * as wide as at the start. */
void hp_trigger_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_trigger_view[1];
