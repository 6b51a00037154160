/* SPDX-License-Identifier: MIT */
/* A trigger asks for a dump when an interval of bytes has been used up. There is one trigger for
 * bytes allocated, one for bytes freed and one for bytes in use; threads report what they have
 * counted to all three.
 *
 * Any thread; lock-free. But no other thread may report during hp_trigger_start() or
 * hp_trigger_after_fork(), and hp_trigger_widen() needs the lock of dumps. */
#pragma once
#include "base/options.h"
#include "base/text.h"
#include "base/view.h"

/* News is what a thread has counted and not yet reported. */
struct hp_trigger_news {
	uint64_t allocated; /* exact number of bytes */
	uint64_t sampled;   /* estimated bytes that came into use */
	uint64_t freed;     /* estimated bytes that were freed */
};

struct hp_trigger_totals {
	uint64_t allocated, sampled, freed; /* bytes, as in the news */
	uint64_t inuse;                     /* sampled bytes minus freed bytes */
};

/* Starts the totals and the intervals, with nothing in use. */
void hp_trigger_start(const struct hp_options *options);

/* Adds a thread's news to the totals, and sets the news to zero. */
void hp_trigger_report(struct hp_trigger_news *news);

/* Returns how many bytes a thread may allocate or free before it should report again. That is a
 * quarter of what is left of the interval that ends first, and at least 4 KiB: so the end of an
 * interval is noticed closely, and reports cost little while it is far. The result is below 4 KiB
 * only if an interval itself is small, or for the last step to the end of the allocation interval.
 * It is at most 32 KiB if dumps by time or resident memory are asked for, because threads that
 * report look for these too. */
uint64_t hp_trigger_step(void);

/* Each time an interval has been used up, returns true to one caller. That caller must write a
 * dump; the reason for it is appended to `reason`, and all intervals restart. Returns false to all
 * others. */
bool hp_trigger_is_due(struct hp_text *reason);

/* Doubles all intervals, from the next dump on. The caller must hold the lock of dumps. */
void hp_trigger_widen(void);

struct hp_trigger_totals hp_trigger_totals(void);

/* Call it in a fork child. Bytes allocated and freed restart at 0; bytes in use stay; intervals are
 * as wide again as at the start. */
void hp_trigger_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_trigger_view[1];
