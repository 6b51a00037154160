/* SPDX-License-Identifier: MIT */
/* Patches are jumps over the entries of a set of functions in a process (entry_patch.h), by which
 * all calls of these functions reach hooks. They are undone later, also by another tool process:
 * the near page (near_page.h), which has the hooks' slots, has a record of all that is needed for
 * it. The children that the process forks meanwhile have the patches and the page, too.
 *
 * The order is plan, place, write; then, after hp_patches_find(), undo and remove. The process runs
 * on after each of these. If the tool is killed in the middle of one, the process runs on as well,
 * and hp_patches_find() finds what is there.
 *
 * The caller has asked hp_refuse() (refuse.h) before, and should be a process that ends soon
 * (target/stop.h). */
#pragma once
#include "inject/stack_words.h"
#include "target/target.h"

enum {
	HP_PATCHES_MAX = 48,
	HP_PATCHES_BUSY = 3, /* a result, next to 0 and HP_TARGET_E */
};

struct hp_patches_entry {
	const char *name; /* of the function, for messages; must live as long as the patches */
	uint64_t entry;   /* its address */
	uint64_t size;    /* of the function, as its symbol says */
};

struct hp_patches;

/* How far patches are. */
enum hp_patches_state {
	HP_PATCHES_PLANNED,
	HP_PATCHES_PLACED,  /* there is a near page, and no jump */
	HP_PATCHES_WRITING, /* there may be some of the jumps: a tool was killed */
	HP_PATCHES_WRITTEN,
	HP_PATCHES_UNDOING, /* as HP_PATCHES_WRITING */
	HP_PATCHES_UNDONE,  /* there is no jump, but threads may still be in hooks */
};

/* Plans patches of these entries; the process runs, and nothing in it is touched. Entries of the
 * same address share a patch. A function whose form can't be patched is left out:
 * hp_patches_refusal() says why. Fails if all are, or if one has bytes that are not those of its
 * file, such as a breakpoint or another tool's patch. Returns 0 or HP_TARGET_E. *out is NULL after
 * a failure. */
int hp_patches_plan(struct hp_target *t, const struct hp_patches_entry *entries, size_t n,
		    struct hp_patches **out);

/* Returns in words that follow the function's name why the i-th entry is not patched; NULL if it
 * is. Its hook is not used, and its trampoline is 0. */
const char *hp_patches_refusal(const struct hp_patches *p, size_t i);

/* Returns in words that follow the function's name what another tool must not do meanwhile, or
 * NULL (entry_patch.h). */
const char *hp_patches_conflict(const struct hp_patches *p, size_t i);

/* Sets where calls of the i-th entry are to go. All hooks are set before hp_patches_place(). */
void hp_patches_set_hook(struct hp_patches *p, size_t i, uint64_t hook);

/* Maps the near page, with the slots and the record. Removes near pages that killed tools have left
 * without a jump. Returns 0 or HP_TARGET_E. */
int hp_patches_place(struct hp_target *t, struct hp_patches *p);

/* Returns the address by which the i-th function is called while it is patched. 0 before
 * hp_patches_place(). */
uint64_t hp_patches_trampoline(const struct hp_patches *p, size_t i);

/* Writes the jumps; the hooks and what they need must be there. Returns 0 or HP_TARGET_E. */
int hp_patches_write(struct hp_target *t, struct hp_patches *p);

/* Finds patches by a record in the process, which may run. All of the record is checked before it
 * is believed: it must lead to code of files that are mapped, and planning anew from that code must
 * give the same jumps and slots. *out is NULL if there is none. Returns 0, or HP_TARGET_E if a
 * record can't be believed. */
int hp_patches_find(struct hp_target *t, struct hp_patches **out);

enum hp_patches_state hp_patches_state(const struct hp_patches *p);

/* Returns the number of patches, and the entry and the hook of the i-th one. */
size_t hp_patches_count(const struct hp_patches *p);
uint64_t hp_patches_entry_at(const struct hp_patches *p, size_t i);
uint64_t hp_patches_hook_at(const struct hp_patches *p, size_t i);

/* Writes the original bytes back, then waits until no thread is in the slots or in one of these
 * ranges, the hooks' code, and will not return there. Returns 0; HP_PATCHES_BUSY if a thread stays
 * there: the process goes on in order, the near page must stay, and this can be called again; or
 * HP_TARGET_E. */
int hp_patches_undo(struct hp_target *t, struct hp_patches *p, const struct hp_code_range *ranges,
		    size_t n);

/* Unmaps the near page of patches that were undone, or never written; and gives back the copies of
 * pages that are equal to their files. Returns 0 or HP_TARGET_E. */
int hp_patches_remove(struct hp_target *t, struct hp_patches *p);

/* Frees what is here; takes NULL. */
void hp_patches_free(struct hp_patches *p);
