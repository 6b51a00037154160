/* SPDX-License-Identifier: MIT */
/* Recorded memory mappings: few, large, and unmapped in other pieces than they were mapped in, so
 * they are kept by ranges and not by addresses. For HEAP_PROFILE_MMAP. */
#pragma once
#include "arena.h"

/* Remembers a mapping that has been counted under `record`. False if there is no room. Any thread,
 * from within a hook. */
bool hp_regions_add(uintptr_t start, size_t size, hp_handle record);

/* Takes the range out. What it covers of recorded mappings counts as freed: of a mapping that is
 * covered in part, the whole counts as freed, and what is left of it as allocated again by the same
 * stack. Returns how many bytes it has covered. */
uint64_t hp_regions_remove(uintptr_t start, size_t size);

enum {
	HP_REGIONS_TAKEN_MAX = 8
};

/* Parts of recorded mappings that may be about to go. */
struct hp_regions_taken {
	size_t n;
	struct hp_region_part {
		uintptr_t start, end;
		size_t whole; /* size of the mapping that it is a part of */
		hp_handle record;
	} parts[HP_REGIONS_TAKEN_MAX];
};

/* Takes the range out in the same way, but counts the free later, with what the kernel said: of
 * parts beyond HP_REGIONS_TAKEN_MAX, at once. */
uint64_t hp_regions_take(uintptr_t start, size_t size, struct hp_regions_taken *out);

/* Counts them as freed if they have gone, else puts them back. */
void hp_regions_settle(const struct hp_regions_taken *taken, bool has_gone);

/* True if there is nothing to be removed. Lock-free. */
bool hp_regions_is_empty(void);

/* Forgets everything. Nobody may be using it. */
void hp_regions_reset(void);
void hp_regions_after_fork(void);
