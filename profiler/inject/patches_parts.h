/* SPDX-License-Identifier: MIT */
/* What the parts of patches.h share. */
#pragma once
#include "inject/entry_patch.h"
#include "inject/host.h"
#include "inject/patch_record.h"
#include "inject/patches.h"

struct hp_patches {
	enum hp_patches_state state;
	size_t n, n_entries;
	struct hp_patches_entry entries[HP_PATCHES_MAX];
	size_t patch_of[HP_PATCHES_MAX];      /* of an entry, if it is not refused */
	const char *refusals[HP_PATCHES_MAX]; /* of an entry; NULL: none */
	/* Of each patch. */
	struct hp_patches_entry functions[HP_PATCHES_MAX];
	uint64_t hooks[HP_PATCHES_MAX];
	struct hp_text_place places[HP_PATCHES_MAX]; /* of the jump */
	struct hp_entry_patch patches[HP_PATCHES_MAX];
	uint64_t page; /* 0: none */
};

/* Plans the i-th patch, with its slot in a near page there. The function's bytes are those of the
 * process, but for the jump's place if `before` is not NULL. Returns 0 or HP_TARGET_E. With
 * `out_refusal`, a form that can't be patched is not a failure: it is set to the reason, else to
 * NULL.
 */
int hp_patches_plan_one(struct hp_target *t, struct hp_patches *p, size_t i, uint64_t page,
			const struct hp_patch_record_entry *before, const char **out_refusal);

/* Writes the state into the record. */
int hp_patches_set_state(struct hp_target *t, struct hp_system_call_host *host,
			 struct hp_patches *p, enum hp_patches_state state);

/* What the bytes at a jump's place are. */
enum hp_patches_bytes {
	HP_PATCHES_BEFORE,
	HP_PATCHES_AFTER,
	HP_PATCHES_OTHER,
	HP_PATCHES_UNMAPPED, /* the file is not mapped there any more */
};

enum hp_patches_bytes hp_patches_bytes_at(struct hp_target *t, const struct hp_patches *p,
					  size_t i);

/* Moves the program counters of all threads, which are stopped. */
int hp_patches_move(struct hp_target *t, const struct hp_stop *stop, const struct hp_patches *p,
		    uint64_t (*move)(const struct hp_entry_patch *, uint64_t pc));

/* Returns true if killed tools have left near pages without a jump. The threads may run. */
bool hp_patches_have_left(struct hp_target *t);

/* Unmaps these. All threads are stopped. */
int hp_patches_clean(struct hp_target *t, struct hp_system_call_host *host);
