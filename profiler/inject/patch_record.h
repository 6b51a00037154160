/* SPDX-License-Identifier: MIT */
/* The record of a set of patches: the first bytes of the near page. A tool of the same version can
 * undo the patches by it. */
#pragma once
#include "inject/near_page.h"
#include "inject/patches.h"
#include "inject/text_file.h"

enum {
	HP_PATCH_RECORD_VERSION = 1,
	HP_PATCH_RECORD_MAGIC = 16,
	HP_PATCH_RECORD_SLOTS = 8192, /* where the slots begin in the near page */
};

struct hp_patch_record_entry {
	uint64_t entry, size, at, hook;
	struct hp_text_place place; /* of `at` */
	uint8_t before[8], after[8];
	uint32_t jump_size, unused;
};

struct hp_patch_record {
	char magic[HP_PATCH_RECORD_MAGIC];
	uint32_t version, n;
	uint32_t checksum; /* of all that follows the state */
	uint32_t state;    /* enum hp_patches_state; PLANNED until the page is complete */
	uint64_t page;     /* its own address */
	struct hp_patch_record_entry entries[HP_PATCHES_MAX];
};

_Static_assert(sizeof(struct hp_patch_record) <= HP_PATCH_RECORD_SLOTS, "the record has no room");

/* Sets the magic, the version and the checksum. */
void hp_patch_record_seal(struct hp_patch_record *record);

/* Finds the next record in order of addresses; *from is 0 at first. Returns false if there is no
 * other one. Only the magic of *out was checked. */
bool hp_patch_record_next(struct hp_target *t, uint64_t *from, uint64_t *out_page,
			  struct hp_patch_record *out);

/* Checks the version, the checksum and the numbers. Returns 0 or HP_TARGET_E. */
int hp_patch_record_check(struct hp_target *t, uint64_t page, const struct hp_patch_record *record);
