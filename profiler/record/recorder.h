/* SPDX-License-Identifier: MIT */
/* The recorder handles an allocation from the hook on: it decides whether to sample it, walks the
 * stack, and counts it in a record. The slow paths of hooks call it; the fast paths use only its
 * two inline tests.
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

/* Counts `size` bytes as asked for and returns false. If the hook must take its slow path, counts
 * nothing and returns true. This runs in every allocating hook, even if in_hook is set, so it is
 * one subtraction in thread-local storage. It is written in assembly because a C compiler makes
 * several instructions of it, which would undo the subtraction of a signal handler that runs
 * between them. When the countdown runs out, `left` wraps around and is above the checkpoint for a
 * moment. */
static inline bool hp_recorder_count(size_t size)
{
	bool is_due; /* `left` was at most `size` */

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

/* Returns true if the block at `p` must be looked up before it is freed or moved. */
static inline bool hp_recorder_may_know(const void *p)
{
	return __builtin_expect(hp_live_may_hold(p), false);
}

/* Undoes hp_recorder_count(), for an allocation that failed on the fast path. */
static inline void hp_recorder_uncount(size_t size)
{
	hp_tls.left += size;
}

/* Call it on the slow path, after the allocator has returned a block. Counts the block and, if a
 * mark is on it, samples it. Then writes a dump if an interval is used up. */
void hp_recorder_allocated(void *p, size_t size, const struct hp_site *site);

/* Call it before a block goes back to the allocator. Counts the block as freed if it was
 * recorded. */
void hp_recorder_freeing(void *p);

/* Call it before a block that may go back to the allocator. Takes the block's entry out of the
 * table and returns true; the caller must then call hp_recorder_freed() or hp_recorder_keep().
 * Returns false if the block has no entry. */
bool hp_recorder_forget(void *p, struct hp_live_entry *out);

/* Call it if the block has gone back. Counts it as freed. */
void hp_recorder_freed(const struct hp_live_entry *entry);

/* Call it if the block has not gone back (a realloc failed). Puts the entry back into the table. */
void hp_recorder_keep(const struct hp_live_entry *entry);

/* Returns true if an entry of this session number belongs to the session `now`. */
bool hp_recorder_is_current(uint32_t session, uint32_t now);

/* Counts an allocation of `size` bytes, which was recorded in the session `session`, as freed. One
 * that was inherited from the parent counts as allocated in this process only while it is in use,
 * so it is removed from both counts. */
void hp_recorder_count_free(hp_handle record, uint64_t size, uint32_t session);

/* --- mappings ------------------------------------------------------------------------------ */

extern bool hp_recorder_has_mappings; /* true if the running session records mappings */

static inline bool hp_recorder_sees_mappings(void)
{
	return __builtin_expect(hp_recorder_has_mappings, false) && !hp_tls.in_hook;
}

/* Call it after the program has mapped memory. Counts the mapping as allocated if it is usable.
 * This function and hp_recorder_has_reserved() must not be called from within the allocator
 * underneath, which may hold its own locks. */
void hp_recorder_mapped(void *p, size_t size, enum hp_space kind, const struct hp_site *site);

/* Returns true if the program has reserved the page at `p`. */
bool hp_recorder_has_reserved(const void *p);

/* Call it after the program has made the range usable, or has removed all access to it. The parts
 * that the program has mapped itself count as allocated, by this caller, when they become usable,
 * and as freed when they stop being usable. */
void hp_recorder_protected(void *p, size_t size, bool is_usable, const struct hp_site *site);

struct hp_unmapping {
	uint32_t session;
	struct hp_regions_taken taken;
	struct hp_spaces_taken spaces;
	uintptr_t start;
	size_t size;
};

/* Call it before the range is unmapped. Takes the range out of the tables, because after the call
 * another thread may get it at once. The caller must pass `out` to hp_recorder_unmapped(). */
void hp_recorder_unmapping(void *p, size_t size, struct hp_unmapping *out);

/* Call it after the range was unmapped (`has_gone`), or after the call failed. */
void hp_recorder_unmapped(const struct hp_unmapping *u, bool has_gone);

/* A change of a mapping's size or address, by mremap(). */
struct hp_remapping {
	/* The caller sets these. */
	uintptr_t old;
	size_t old_size; /* 0: the old mapping stays, and mremap() makes a second one */
	size_t size;
	bool may_move;

	/* hp_recorder_remapping() sets these. */
	enum hp_space kind; /* of the bytes by which the mapping grows */
	uintptr_t aside;
	struct hp_spaces_taken spaces;
	struct hp_unmapping tail; /* the bytes by which it shrinks */
};

/* Call it before mremap(). The part of the mapping that remains keeps its record. The caller must
 * pass `r` to hp_recorder_remapped(). */
void hp_recorder_remapping(struct hp_remapping *r);

/* Call it after mremap(). `p` is the mapping's address now, or NULL if the call failed. The bytes
 * by which the mapping grew count as a mapping of their own. */
void hp_recorder_remapped(const struct hp_remapping *r, void *p, const struct hp_site *site);

/* --- sessions: for lifecycle.c ------------------------------------------------------------- */

/* Starts a session. Returns false if the last session's records can't be freed yet. No dump may be
 * in progress. */
bool hp_recorder_start(const struct hp_options *options);

/* Ends the session and frees its records. If a dump (`may_free` is false) or a thread is still
 * using them, they are freed when the next session starts. */
void hp_recorder_stop(bool may_free);

/* Returns how many samples could not be recorded (because of the memory limit, a lock that was not
 * acquired, no stack, or a size that live.h has no room for), plus the number of frees that could
 * not be looked up. */
uint64_t hp_recorder_n_dropped(void);
uint64_t hp_recorder_n_samples(void);

/* Counts a sample that could not be recorded. */
void hp_recorder_drop_sample(void);

/* Returns the number of samples whose stack was cut: see hp_unwind(). */
uint64_t hp_recorder_n_stacks_cut(void);

/* Returns the exact number of bytes that were asked for in this session. If only mappings are
 * recorded, these are the bytes of mappings. */
uint64_t hp_recorder_allocated_bytes(void);

/* Sets *out_inuse and *out_freed to this session's estimates, in bytes. */
void hp_recorder_estimate(uint64_t *out_inuse, uint64_t *out_freed);

/* A thread calls this after it has reported to the triggers, with no lock held. */
extern void (*hp_recorder_on_report)(void);

/* Call it in a fork child after the session's after_fork(). If `is_clean`, no other thread was
 * inside the recorder at the time of the fork; otherwise the tables are emptied. */
void hp_recorder_after_fork(bool is_clean);

/* Rows of the view. */
extern const struct hp_view_row hp_recorder_view[4];
