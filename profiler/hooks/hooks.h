/* SPDX-License-Identifier: MIT */
/* A hook is a function of ours that the program calls in place of the allocator's. It counts,
 * compares, and then jumps, either to the allocator underneath or to its slow path. Both jumps are
 * tail calls, so the caller of a slow path is the program: see HP_SITE_OF_CALLER(). This header has
 * the parts that hooks share. */
#pragma once
#include "control/startup.h"
#include "dump/due.h"
#include "record/recorder.h"

#define HOOK              __attribute__((visibility("default"))) HP_HOOK_CODE
#define SLOW              static __attribute__((noinline)) HP_HOOK_CODE
#define likely(condition) __builtin_expect(!!(condition), true)

/* In an attached session the allocator's own calls of its functions reach hooks too. Such an inner
 * call, made within a call of a hook, is neither counted nor recorded. In a library that is there
 * from the start there are none, and these three functions are nothing. */
static inline bool hook_is_inner(void)
{
	return HP_HOOKS_ARE_ENTRIES && hp_tls.in_hook;
}

/* Call these around a function of the allocator that may call another one, in the fast path of its
 * hook. */
static inline void hook_hold(void)
{
	if (HP_HOOKS_ARE_ENTRIES)
		hp_tls.in_hook = 1;
}

static inline void hook_release(void)
{
	if (HP_HOOKS_ARE_ENTRIES)
		hp_tls.in_hook = 0;
}

/* Begins a slow path and returns true; hook_end() ends it. Returns false within another hook: then
 * the slow path only forwards the call, and does not call hook_end(). */
static inline bool hook_begin(void)
{
	if (hp_tls.in_hook)
		return false;
	/* The first call after the C library has become ready makes this library ready. In an
	 * attached session it is ready before any hook is called. */
	if (!HP_HOOKS_ARE_ENTRIES && !likely(hp_startup_is_ready()))
		hp_startup_init();
	hp_tls.in_hook = 1;
	return true;
}

static inline void hook_end(void)
{
	hp_tls.in_hook = 0;
	if (!likely(!hp_due_has_signal()))
		hp_due_settle();
}

/* Ends the slow path of an allocation. `p` is what the allocator returned, or NULL if it failed. */
static inline void hook_end_allocation(void *p, size_t size, const struct hp_site *site)
{
	if (likely(p))
		hp_recorder_allocated(p, size, site);
	hook_end();
}

/* Call it before a block is moved or resized in place. Takes the block's entry out of the table;
 * returns false if the block has none. */
static inline bool hook_take(void *p, struct hp_live_entry *entry)
{
	return p && hp_recorder_forget(p, entry);
}

/* Call it afterwards, with what hook_take() returned as `is_known`. If the block `has_gone`, counts
 * it as freed; otherwise puts its entry back. */
static inline void hook_settle(bool is_known, const struct hp_live_entry *entry, bool has_gone)
{
	if (is_known && has_gone)
		hp_recorder_freed(entry);
	else if (is_known)
		hp_recorder_keep(entry);
}

/* An archive's file is linked only if something refers to it. The file of malloc refers to these
 * two, so that a program with malloc's hook has the hooks for dlclose and _exit as well, the
 * constructor and the note. */
extern const char hp_hooks_of_process, hp_hooks_of_exit;

/* Frees a block as the slow path of free() does: if the block may be a recorded one, looks it up
 * first. */
__attribute__((visibility("hidden"))) void hp_hook_free(void *p);
