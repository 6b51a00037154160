/* SPDX-License-Identifier: MIT */
/* Recorded memory mappings: few, large, and unmapped in other pieces than they were mapped in, so
 * they are kept by ranges and not by addresses. For HEAP_PROFILE_MMAP. */
#pragma once
#include "base/arena.h"

/* Begins with no mappings, sampled at this interval. What is mapped from now on is of `session`,
 * what is of an earlier one was inherited: see struct hp_session. */
void hp_regions_start(uint64_t interval, uint64_t seed, uint32_t session);

/* Marks have no memory: of what lies behind the first one nothing is known, and the next is drawn
 * when it matters. */
struct hp_region {
	uintptr_t start, end;
	uintptr_t mark; /* the first marked byte; 0: none */
	hp_handle record;
	uint32_t session; /* in which it was mapped */
};

/* Remembers a mapping that has been counted under `record`; `gap` is where in it the first marked
 * byte lies, 1 for the first. False if there is no room. Any thread, from within a hook. */
bool hp_regions_add(uintptr_t start, size_t size, uint64_t gap, hp_handle record);

/* The same for what a mapping has grown by. Recorded exactly, it is one with what that stack has
 * made it grow by before: a mapping that grows a thousand times would be as many regions. */
bool hp_regions_add_growth(uintptr_t start, size_t size, uint64_t gap, hp_handle record);

enum {
	HP_REGIONS_TAKEN_MAX = 8
};

/* Parts of recorded mappings that may be about to go. */
struct hp_regions_taken {
	int64_t weight; /* how many bytes less will be in use then, by estimate */
	size_t n;
	struct hp_region_part {
		struct hp_region region;
		bool is_split; /* off a mapping that is there still */
	} parts[HP_REGIONS_TAKEN_MAX];
};

/* Takes the range out; returns how many bytes of recorded mappings it has covered. What is left of
 * a mapping stays in use if a marked byte lies in it, and so with the probability that a mapping of
 * its size is recorded with; else it counts as freed. It is not allocated again; but a hole makes
 * two of one. What was taken is counted as freed later, with what the kernel said: of parts beyond
 * HP_REGIONS_TAKEN_MAX, at once. */
uint64_t hp_regions_take(uintptr_t start, size_t size, struct hp_regions_taken *out);

/* Counts them as freed if they have gone, else puts them back. */
void hp_regions_settle(const struct hp_regions_taken *taken, bool has_gone);

/* Before a mapping moves: puts the parts of the range, with their records and marks, aside, where
 * no other range covers them. Returns their place there, 0 if the lock can't be had. `weight` is
 * how many bytes less are in use, by estimate: a mapping that is cut may be lost. */
uintptr_t hp_regions_put_aside(uintptr_t start, size_t size, int64_t *out_weight);

/* They are at `start` now; also if they have not moved. */
void hp_regions_bring_back(uintptr_t aside, size_t size, uintptr_t start);

/* True if there is nothing to be removed. Lock-free. */
bool hp_regions_is_empty(void);

/* Forgets everything. Nobody may be using it. */
void hp_regions_reset(void);

/* In a fork child, which goes on with random numbers and a session of its own. */
void hp_regions_after_fork(uint64_t seed, uint32_t session);
