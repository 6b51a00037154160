/* SPDX-License-Identifier: MIT */
/* From an allocation to a record: decides, walks the stack, counts. The hooks' slow paths call
 * this; their fast paths are the two inline tests. */
#pragma once
#include "base/view.h"
#include "record/session.h"
#include "record/trigger.h"
#include "tables/live.h"
#include "tables/regions.h"
#include "tables/spaces.h"
#include "unwind/unwind.h"

/* Counts `size` bytes as asked for; or true, with nothing counted, if the slow path is to be taken.
 * Runs in every allocating hook, and must not be more than one subtraction in thread-local storage;
 * left to itself, the compiler makes it several instructions, and a signal handler that allocates
 * in between would be undone. Beyond its end the countdown is above the checkpoint for a moment. */
static inline bool hp_recorder_count(size_t size)
{
	bool is_due; /* left <= size, before */

	__asm__("subq %[size], %[left]"
		: "=@ccbe"(is_due), [left] "+m"(hp_tls.left)
		: [size] "r"(size));
	if (__builtin_expect(is_due, false))
		__asm__("addq %[size], %[left]"
			: [left] "+m"(hp_tls.left)
			: [size] "r"(size)
			: "cc");
	return is_due;
}

/* True if the block at `p` has to be looked up before it is freed or moved. */
static inline bool hp_recorder_may_know(const void *p)
{
	return __builtin_expect(hp_live_may_hold(p), false);
}

/* Takes back what hp_recorder_count() counted, for an allocation that failed on the fast path. */
static inline void hp_recorder_uncount(size_t size)
{
	hp_tls.left += size;
}

/* Tells of a block that the allocator has just handed out, on the slow path: counts it, and samples
 * it if it is its turn. Then dumps if an interval is used up. To be called with hp_tls.in_hook set,
 * as all below. */
void hp_recorder_allocated(void *p, size_t size, const struct hp_site *site);

/* Before a block goes back to the allocator: counts it as freed, if it was recorded. */
void hp_recorder_freeing(void *p);

/* Before a block may go back to the allocator: takes its entry out. False if it has none. */
bool hp_recorder_forget(void *p, struct hp_live_entry *out);

/* It has gone back: counts it as freed. */
void hp_recorder_freed(const struct hp_live_entry *entry);

/* It has not gone back (a realloc failed): puts the entry in again. */
void hp_recorder_keep(const struct hp_live_entry *entry);

/* --- mappings ------------------------------------------------------------------------------ */

extern bool hp_recorder_has_mappings; /* this session records them */

static inline bool hp_recorder_sees_mappings(void)
{
	return __builtin_expect(hp_recorder_has_mappings, false) && !hp_tls.in_hook;
}

/* Tells of memory that the program has mapped, which counts as allocated if it is usable. Not from
 * within the allocator underneath, which may hold its locks; nor the next one. */
void hp_recorder_mapped(void *p, size_t size, enum hp_space kind, const struct hp_site *site);

/* True if the program has reserved the page at `p`. */
bool hp_recorder_has_reserved(const void *p);

/* The program has made the range usable, or has taken all access from it. What it had mapped itself
 * and is now usable counts as allocated, by this caller; what is no longer, as freed. */
void hp_recorder_protected(void *p, size_t size, bool is_usable, const struct hp_site *site);

struct hp_unmapping {
	uint32_t session;
	struct hp_regions_taken taken;
	struct hp_spaces_taken spaces;
	uintptr_t start;
	size_t size;
};

/* The range is about to be unmapped: another thread may be given it at once. */
void hp_recorder_unmapping(void *p, size_t size, struct hp_unmapping *out);

/* It has gone, or it has not. */
void hp_recorder_unmapped(const struct hp_unmapping *u, bool has_gone);

/* A mapping that changes its size, or its place. */
struct hp_remapping {
	uintptr_t old;
	size_t old_size; /* 0: what is there stays, and there is another one */
	size_t size;
	bool may_move;

	enum hp_space kind; /* of what it grows by */
	uintptr_t aside;
	struct hp_spaces_taken spaces;
	struct hp_unmapping tail; /* that it is cut by */
};

/* It is about to; the first four are filled in. What stays of it keeps its record. */
void hp_recorder_remapping(struct hp_remapping *r);

/* It is at `p` now, NULL if nothing has changed. What it has grown by counts as a mapping. */
void hp_recorder_remapped(const struct hp_remapping *r, void *p, const struct hp_site *site);

/* --- sessions: for lifecycle.c ------------------------------------------------------------- */

/* False if what the last session recorded can't be freed yet. No dump may be in progress. */
bool hp_recorder_start(const struct hp_options *options);
/* Ends the session and, unless a dump or a thread still reads it, frees what it recorded: then the
 * next start does. */
void hp_recorder_stop(bool may_free);

/* Samples that could not be recorded: memory limit, a lock not had, no stack, beyond what live.h
 * can hold; and frees that could not be looked up. */
uint64_t hp_recorder_n_dropped(void);
uint64_t hp_recorder_n_samples(void);

/* Samples whose recorded stack lacks frames: see hp_unwind(). */
uint64_t hp_recorder_n_stacks_cut(void);

/* Bytes asked for in this session, exact; where only mappings are recorded, of these. */
uint64_t hp_recorder_allocated_bytes(void);

/* Estimates of this session. */
void hp_recorder_estimate(uint64_t *out_inuse, uint64_t *out_freed);

/* Called by a thread that has reported to the triggers, with no lock held. */
extern void (*hp_recorder_on_report)(void);

/* In a fork child; `is_clean`: no other thread was inside when it was forked. */
void hp_recorder_after_fork(bool is_clean);

/* Rows of the view. */
extern const struct hp_view_row hp_recorder_view[4];
