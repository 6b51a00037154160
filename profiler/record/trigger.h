/* SPDX-License-Identifier: MIT */
/* When to dump: counts what was allocated and freed against the intervals that were asked for. */
#pragma once
#include "base/options.h"
#include "base/text.h"
#include "base/view.h"

/* What threads have counted and not reported yet. */
struct hp_trigger_news {
	uint64_t allocated; /* exact, bytes */
	uint64_t sampled;   /* estimated bytes that came into use */
	uint64_t freed;     /* estimated bytes that were freed */
};

struct hp_trigger_totals {
	uint64_t allocated, sampled, freed; /* bytes, as in the news */
	uint64_t inuse;                     /* what came into use and was not freed */
};

/* Begins counting from nothing in use. */
void hp_trigger_start(const struct hp_options *options);

/* Adds a thread's news and clears them. Any thread, lock-free. */
void hp_trigger_report(struct hp_trigger_news *news);

/* How many bytes a thread may allocate or free before it should report again: a quarter of what is
 * left to the nearest interval's end, at least 4 KiB, so that an interval is met closely and is
 * still cheap when it is far. Less only for an interval so small, or for the last step to the end
 * of the one for allocation. Where dumps by time or resident memory are asked for, at most 32 KiB:
 * they are made by threads that report. */
uint64_t hp_trigger_step(void);

/* True for one caller each time an interval has been used up: that one dumps, for the reason stored
 * in `reason`, and all intervals begin anew. Any thread, lock-free. */
bool hp_trigger_is_due(struct hp_text *reason);

/* Doubles all intervals, from the next dump on. Under the lock of dumps. */
void hp_trigger_widen(void);

struct hp_trigger_totals hp_trigger_totals(void);

/* In a fork child: allocated and freed begin at 0, in use stays, and intervals are as wide as at
 * the start. */
void hp_trigger_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_trigger_view[1];
