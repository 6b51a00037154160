/* SPDX-License-Identifier: MIT */
/* The recorder makes a record of an allocation: it decides whether to sample it, walks the stack
 * and counts. The hooks' slow paths call it; their fast paths are the two inline tests.
 *
 * The functions that record may be called from any thread, with hp_tls.in_hook set. */
#pragma once
#include "base/view.h"
#include "record/session.h"
#include "record/trigger.h"
#include "tables/live.h"
#include "tables/regions.h"
#include "tables/spaces.h"
#include "unwind/unwind.h"

/* Counts `size` bytes as asked for. Returns true, with nothing counted, if the hook is to take its
 * slow path. Runs in every allocating hook, whether in_hook is set or not, so it is one subtraction
 * in thread-local storage. In C the compiler makes it several instructions, and would undo what a
 * signal handler allocates in between. A countdown that passes its end is above the checkpoint for
 * a moment. */
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

/* Returns true if the block at `p` has to be looked up before it is freed or moved. */
static inline bool hp_recorder_may_know(const void *p)
{
	return __builtin_expect(hp_live_may_hold(p), false);
}

/* Undoes hp_recorder_count(), for an allocation that failed on the fast path. */
static inline void hp_recorder_uncount(size_t size)
{
	hp_tls.left += size;
}

/* After the allocator has returned a block, on the slow path: counts the block, and samples it if
 * it is its turn. Then dumps if an interval is used up. */
void hp_recorder_allocated(void *p, size_t size, const struct hp_site *site);

/* Before a block goes back to the allocator: counts it as freed if it was recorded. */
void hp_recorder_freeing(void *p);

/* Before a block may go back to the allocator: takes its entry out. Returns false if it has none.
 * Else the caller settles the entry by one of the next two functions. */
bool hp_recorder_forget(void *p, struct hp_live_entry *out);

/* The block has gone back: counts it as freed. */
void hp_recorder_freed(const struct hp_live_entry *entry);

/* The block has not gone back (a realloc failed): puts the entry in again. */
void hp_recorder_keep(const struct hp_live_entry *entry);

/* --- mappings ------------------------------------------------------------------------------ */

extern bool hp_recorder_has_mappings; /* this session records them */

static inline bool hp_recorder_sees_mappings(void)
{
	return __builtin_expect(hp_recorder_has_mappings, false) && !hp_tls.in_hook;
}

/* After the program has mapped memory: counts it as allocated if it is usable. This function and
 * the next must not run within the allocator underneath, which may hold its locks. */
void hp_recorder_mapped(void *p, size_t size, enum hp_space kind, const struct hp_site *site);

/* Returns true if the program has reserved the page at `p`. */
bool hp_recorder_has_reserved(const void *p);

/* After the program has made the range usable, or has taken all access from it. The parts that it
 * had mapped itself count as allocated by this caller when they become usable, and as freed when
 * they no longer are. */
void hp_recorder_protected(void *p, size_t size, bool is_usable, const struct hp_site *site);

struct hp_unmapping {
	uint32_t session;
	struct hp_regions_taken taken;
	struct hp_spaces_taken spaces;
	uintptr_t start;
	size_t size;
};

/* Before the range is unmapped: takes it out, for another thread may be given it at once. The
 * caller settles `out` by the next function. */
void hp_recorder_unmapping(void *p, size_t size, struct hp_unmapping *out);

/* The range has gone, or the call failed. */
void hp_recorder_unmapped(const struct hp_unmapping *u, bool has_gone);

/* A mapping that changes its size or its place. */
struct hp_remapping {
	/* Filled in by the caller. */
	uintptr_t old;
	size_t old_size; /* 0: the old mapping stays, and there is another one */
	size_t size;
	bool may_move;

	/* Filled in by hp_recorder_remapping(). */
	enum hp_space kind; /* of what it grows by */
	uintptr_t aside;
	struct hp_spaces_taken spaces;
	struct hp_unmapping tail; /* what it is cut by */
};

/* Before the call. The part that remains keeps its record. The caller settles `r` by the next
 * function. */
void hp_recorder_remapping(struct hp_remapping *r);

/* After the call: the mapping is at `p` now; NULL if nothing has changed. Its growth counts as a
 * mapping. */
void hp_recorder_remapped(const struct hp_remapping *r, void *p, const struct hp_site *site);

/* --- sessions: for lifecycle.c ------------------------------------------------------------- */

/* Starts a session. Returns false if what the last one recorded can't be freed yet. No dump may be
 * in progress. */
bool hp_recorder_start(const struct hp_options *options);

/* Ends the session and frees what it recorded. If a dump (`may_free` is false) or a thread still
 * reads that, the next start frees it. */
void hp_recorder_stop(bool may_free);

/* Returns the number of samples that could not be recorded (memory limit, a lock not acquired, no
 * stack, more than live.h can hold) and of frees that could not be looked up. */
uint64_t hp_recorder_n_dropped(void);
uint64_t hp_recorder_n_samples(void);

/* Returns the number of samples whose recorded stack lacks frames: see hp_unwind(). */
uint64_t hp_recorder_n_stacks_cut(void);

/* Returns the bytes asked for in this session, exactly; where only mappings are recorded, the bytes
 * of these. */
uint64_t hp_recorder_allocated_bytes(void);

/* Estimates for this session, in bytes. */
void hp_recorder_estimate(uint64_t *out_inuse, uint64_t *out_freed);

/* Called by a thread that has reported to the triggers, with no lock held. */
extern void (*hp_recorder_on_report)(void);

/* In a fork child, when the session and the tables are the child's own. Empties the tables unless
 * `is_clean`: no other thread was inside at the time of the fork. */
void hp_recorder_after_fork(bool is_clean);

/* Rows of the view. */
extern const struct hp_view_row hp_recorder_view[4];
