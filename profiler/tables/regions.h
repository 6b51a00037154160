/* SPDX-License-Identifier: MIT */
/* A region is a recorded memory mapping, or what is left of one. Regions are few and large, and
 * programs unmap them in other pieces than they mapped, so they are stored as ranges and not by
 * address as blocks are. They are used for HEAP_PROFILE_MMAP. Any thread, from within a hook; may
 * allocate: no. */
#pragma once
#include "base/arena.h"

/* Begins without mappings, with a sample interval in bytes. Mappings that are added from now on
 * belong to `session`; mappings of an earlier session were inherited: see struct hp_session. */
void hp_regions_start(uint64_t interval, uint64_t seed, uint32_t session);

/* A region stores only its first marked byte. Marks are independent of each other, so the next mark
 * is drawn only when it matters. */
struct hp_region {
	uintptr_t start, end;
	uintptr_t mark; /* address of the first marked byte; 0: none */
	hp_handle record;
	uint32_t session; /* the session in which it was mapped */
};

/* Adds a mapping that has been counted under `record`. `gap` is the position of its first marked
 * byte; the mapping's first byte has position 1. Returns false if there is no room or the lock was
 * not acquired. */
bool hp_regions_add(uintptr_t start, size_t size, uint64_t gap, hp_handle record);

/* Same as hp_regions_add(), but for the bytes by which a mapping has grown. With exact recording,
 * they are joined to the growth before if that has the same stack: otherwise a mapping that grows a
 * thousand times would become a thousand regions. */
bool hp_regions_add_growth(uintptr_t start, size_t size, uint64_t gap, hp_handle record);

enum {
	HP_REGIONS_TAKEN_MAX = 8
};

/* The parts of recorded mappings that hp_regions_take() has taken, because they may be about to be
 * unmapped. */
struct hp_regions_taken {
	int64_t weight; /* the estimated number of bytes by which taking them reduces the bytes in
			   use */
	size_t n;
	struct hp_region_part {
		struct hp_region region;
		bool is_split; /* it was cut off a mapping of which another part still exists */
	} parts[HP_REGIONS_TAKEN_MAX];
};

/* Takes the range out. Returns how many of its bytes were in recorded mappings; takes nothing and
 * returns 0 if the lock was not acquired. The rest of a recorded mapping stays in use if it has a
 * marked byte: that is, with the same probability with which a mapping of its size is recorded.
 * Otherwise it counts as freed. It does not count as allocated again; but if the range was in its
 * middle, one mapping becomes two. The parts that were taken are counted as freed later, by
 * hp_regions_settle(), when the kernel's result is known; parts beyond HP_REGIONS_TAKEN_MAX are
 * counted at once. */
uint64_t hp_regions_take(uintptr_t start, size_t size, struct hp_regions_taken *out);

/* Counts the parts as freed if `has_gone`, that is, if they have been unmapped; otherwise puts them
 * back. Parts for which there is no room or no lock count as freed too. */
void hp_regions_settle(const struct hp_regions_taken *taken, bool has_gone);

/* Call it before a mapping moves. Puts the range's regions aside, with their records and marks, at
 * addresses that no mapping has. Returns the range's address there, or 0 if the lock was not
 * acquired. Sets *out_weight to the estimated number of bytes by which this reduces the bytes in
 * use: a region that is cut at an end of the range may be lost. */
uintptr_t hp_regions_put_aside(uintptr_t start, size_t size, int64_t *out_weight);

/* Moves the regions from `aside` to `start`, the mapping's new address. If the mapping has not
 * moved, call it with the old address. */
void hp_regions_bring_back(uintptr_t aside, size_t size, uintptr_t start);

/* Returns true if there are no regions. Takes no lock. */
bool hp_regions_is_empty(void);

/* Forgets all regions. No other thread may be using them. */
void hp_regions_reset(void);

/* Call it in a fork child. Releases the lock, and gives the child a random sequence and a session
 * of its own. */
void hp_regions_after_fork(uint64_t seed, uint32_t session);
