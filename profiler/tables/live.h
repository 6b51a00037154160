/* SPDX-License-Identifier: MIT */
/* The live table maps the address of each sampled block that has not been freed to its record and
 * size. A filter lets free() rule out nearly every other block with one load.
 *
 * The filter has a byte for each page of memory, indexed by the number of the page modulo 2^20
 * (4 GiB of addresses). It is 0 if no sampled block begins on the page. Blocks that are close
 * together are tested by bytes that are close together: 64 pages, 256 KiB of heap, share a cache
 * line of the filter. It has bytes and not bits because that is four instructions less for each
 * free(), and because a byte can say more than a bit: it is the tag of the one block that the page
 * holds. At 512 KiB per sample one free in 128 finds a byte that isn't 0, and one in 30,000 a tag
 * that is its own by chance. No block is moved or marked for this: a block comes from the very call
 * that the program made, and goes back by the very call. */
#pragma once
#include "base/arena.h"
#include "base/view.h"

enum {
	HP_FILTER_PAGES = 1 << 20
};

extern uint8_t hp_live_filter[HP_FILTER_PAGES] __attribute__((visibility("hidden")));

/* Returns false if no block of the table begins on the page of `p`, or on one that shares its byte.
 * It is written in assembly because GCC makes two instructions of an atomic load and a comparison.
 * Any thread; signal-safe: yes; may allocate: no. */
static inline bool hp_live_may_hold(const void *p)
{
	size_t page = (uint32_t)(uintptr_t)p / 4096;
	bool is_set;

	__asm__ volatile("cmpb $0, %[value]"
			 : "=@ccne"(is_set)
			 : [value] "m"(hp_live_filter[page]));
	return is_set;
}

/* Returns false if the block at `p` is certainly not in the table. Takes a few instructions
 * more. */
bool hp_live_may_hold_block(const void *p);

struct hp_live_entry {
	uintptr_t address; /* 0: no entry */
	uint64_t size;
	hp_handle record; /* see stacks.h */
	uint32_t session; /* the session of `record`: the entry may be out of the table when the
			     next one begins */
};

/* Empties the table and makes it ready. If `by_page` is true, that is for few blocks among many;
 * otherwise for all blocks, and the filter lets every address through. Entries are of
 * `first_session` or later. Of a session that is more than 255 later (each a fork of the one
 * before) the table forgets how much later it is: blocks of such a session, once freed, no longer
 * count as allocated by the process. Nobody may be using the table. */
void hp_live_reset(bool by_page, uint32_t first_session);

/* Empties the table, and clears the filter except for what is pinned. Nobody may be using the
 * table. */
void hp_live_stop(void);

/* Fetches what hp_live_insert() or hp_live_take() of the block will read first. In a table that is
 * larger than the caches they would spend most of their time waiting for it. Any thread, at any
 * time. */
void hp_live_prefetch(const void *p);

/* Adds a block. If the address still has an entry, whose free was not seen, that is replaced and
 * stored in `out_replaced`; otherwise out_replaced->address is 0. Returns false if there is no
 * memory, the lock was not acquired, or an address or a size is beyond what a slot has bits for:
 * 2^48, and 4 TiB. Any thread, from within a hook; may allocate: no. */
bool hp_live_insert(const struct hp_live_entry *entry, struct hp_live_entry *out_replaced);

/* Removes the entry of the block, and stores it in `out`. Returns false if there is none or the
 * lock was not acquired. Any thread, from within a hook; may allocate: no. */
bool hp_live_take(uintptr_t address, struct hp_live_entry *out);

/* Pins a range: hp_live_may_hold() is true for all its addresses, for good. */
void hp_live_pin_range(const void *start, size_t size);

/* Returns the number of entries. Takes no lock. */
size_t hp_live_count(void);

/* In a fork child: releases the locks. */
void hp_live_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_live_view[8];
