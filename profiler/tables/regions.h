/* SPDX-License-Identifier: MIT */
/* A region is a recorded memory mapping, or what is left of one. Regions are few, large, and
 * unmapped in other pieces than they were mapped in, so they are kept by ranges and not by
 * addresses. For HEAP_PROFILE_MMAP. Any thread, from within a hook; may allocate: no. */
#pragma once
#include "base/arena.h"

/* Begins with no mappings, sampled at this interval, in bytes. Mappings from now on are of
 * `session`; those of an earlier one were inherited: see struct hp_session. */
void hp_regions_start(uint64_t interval, uint64_t seed, uint32_t session);

/* Marks have no memory: nothing is known of the bytes after the first mark, and the next one is
 * drawn when it matters. */
struct hp_region {
	uintptr_t start, end;
	uintptr_t mark; /* the first marked byte; 0: none */
	hp_handle record;
	uint32_t session; /* in which it was mapped */
};

/* Keeps a mapping that has been counted under `record`. `gap` is the position of its first marked
 * byte, from 1. Returns false if there is no room or the lock was not acquired. */
bool hp_regions_add(uintptr_t start, size_t size, uint64_t gap, hp_handle record);

/* Same, for what a mapping has grown by. With exact recording it is joined to what the same stack
 * has made the mapping grow by before: otherwise a mapping that grows a thousand times would be as
 * many regions. */
bool hp_regions_add_growth(uintptr_t start, size_t size, uint64_t gap, hp_handle record);

enum {
	HP_REGIONS_TAKEN_MAX = 8
};

/* Parts of recorded mappings that may be about to be unmapped. */
struct hp_regions_taken {
	int64_t weight; /* by how many bytes, as estimated, this reduces what is in use */
	size_t n;
	struct hp_region_part {
		struct hp_region region;
		bool is_split; /* cut off a mapping that still exists */
	} parts[HP_REGIONS_TAKEN_MAX];
};

/* Takes the range out. Returns how many bytes of recorded mappings it covered. The rest of a
 * mapping stays in use if it contains a marked byte, and so with the probability that a mapping of
 * its size is recorded with; otherwise it counts as freed. The rest does not count as allocated
 * again; but a hole makes two of one. The parts that were taken are counted as freed later, when
 * the kernel's result is known; parts beyond HP_REGIONS_TAKEN_MAX at once. */
uint64_t hp_regions_take(uintptr_t start, size_t size, struct hp_regions_taken *out);

/* Counts the parts as freed if they are unmapped now; otherwise puts them back. */
void hp_regions_settle(const struct hp_regions_taken *taken, bool has_gone);

/* Call before a mapping moves. Puts the parts of the range, with their records and marks, aside, at
 * addresses that no other range covers. Returns their address there, or 0 if the lock was not
 * acquired. `out_weight` is by how many bytes, as estimated, this reduces what is in use: a mapping
 * that is cut may be lost. */
uintptr_t hp_regions_put_aside(uintptr_t start, size_t size, int64_t *out_weight);

/* Moves the parts from `aside` to `start`. Call it also if the mapping has not moved. */
void hp_regions_bring_back(uintptr_t aside, size_t size, uintptr_t start);

/* Returns true if there are no regions. Takes no lock. */
bool hp_regions_is_empty(void);

/* Forgets everything. Nobody may be using it. */
void hp_regions_reset(void);

/* In a fork child, which continues with random numbers and a session of its own. */
void hp_regions_after_fork(uint64_t seed, uint32_t session);
