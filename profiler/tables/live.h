/* SPDX-License-Identifier: MIT */
/* The live table maps the address of each sampled block that has not been freed to the block's
 * record and size. A filter lets free() rule out nearly every other block with one load.
 *
 * The filter has a byte for each page of memory, indexed by the page's number modulo 2^20 (4 GiB of
 * addresses). The byte is 0 if no sampled block begins on the page. Pages that are close together
 * have bytes that are close together: 64 pages, 256 KiB of heap, share a cache line of the filter.
 * The filter has bytes and not bits because a byte saves four instructions in each free(), and can
 * hold more: if the page has one sampled block, its byte is that block's tag. At 512 KiB per
 * sample, one free in 128 finds a byte that is not 0, and one in 30,000 finds its own block's tag
 * by chance. No block is moved or marked for this: each block comes from the call that the program
 * made, and goes back by the call that the program makes. */
#pragma once
#include "base/arena.h"
#include "base/view.h"

enum {
	HP_FILTER_PAGES = 1 << 20,
	HP_LIVE_SHARDS = 64, /* parts of the table, each with a lock of its own */
};

extern uint8_t hp_live_filter[HP_FILTER_PAGES] __attribute__((visibility("hidden")));

/* Returns false if no block of the table begins on the page of `p` or on another page that has the
 * same byte in the filter. It is written in assembly because GCC compiles an atomic load and a
 * comparison to two instructions; one is enough. Any thread; signal-safe: yes; may allocate: no. */
static inline bool hp_live_may_hold(const void *p)
{
	size_t page = (uint32_t)(uintptr_t)p / 4096;
	bool is_set;

	__asm__ volatile("cmpb $0, %[value]"
			 : "=@ccne"(is_set)
			 : [value] "m"(hp_live_filter[page]));
	return is_set;
}

/* Returns false if the block at `p` is certainly not in the table. It rules out more blocks than
 * hp_live_may_hold(), and takes a few instructions more. */
bool hp_live_may_hold_block(const void *p);

struct hp_live_entry {
	uintptr_t address; /* 0: no entry */
	uint64_t size;
	hp_handle record; /* see stacks.h */
	uint32_t session; /* the session of `record`. While the entry is out of the table, the next
			     session may begin */
};

/* Empties the table and makes it ready. If `by_page` is true, the table is for few blocks among
 * many, and uses the filter; otherwise it is for all blocks, and the filter lets every address
 * through. Entries are of the session `first_session` or a later one. If an entry's session is more
 * than 255 later (each session is a fork of the one before), the table forgets how much later: such
 * blocks, once freed, no longer count as allocated by the process. No other thread may be using the
 * table. */
void hp_live_reset(bool by_page, uint32_t first_session);

/* Empties the table, and clears the filter except for the pinned range. No other thread may be
 * using the table. */
void hp_live_stop(void);

/* Fetches into the processor's cache what hp_live_insert() or hp_live_take() will read first for
 * the block at `p`. If the table is larger than the caches, they would otherwise spend most of
 * their time waiting for it. Any thread, at any time. */
void hp_live_prefetch(const void *p);

/* Adds a block. If the address still has an entry, because the block's free was not seen, replaces
 * that entry and stores it in `out_replaced`; otherwise sets out_replaced->address to 0. Returns
 * false if there is no memory, if the lock was not acquired, or if the address or the size exceeds
 * what a slot has bits for: 2^48, and 4 TiB. Any thread, from within a hook; may allocate: no. */
bool hp_live_insert(const struct hp_live_entry *entry, struct hp_live_entry *out_replaced);

/* Removes the block's entry, and stores it in `out`. Returns false if the block has no entry, or if
 * the lock was not acquired. Any thread, from within a hook; may allocate: no. */
bool hp_live_take(uintptr_t address, struct hp_live_entry *out);

/* Returns true if the entry is to be dropped. */
typedef bool hp_live_drop(const struct hp_live_entry *entry);

/* Drops entries from one shard of the table, from 0 to HP_LIVE_SHARDS - 1. From then on the shard
 * uses the filter, if it did not before. Does nothing if the lock was not acquired. `drop` is
 * called with the shard's lock held. Any thread, from within a hook; may allocate: no. */
void hp_live_sweep(uint32_t shard, hp_live_drop *drop);

/* Pins a range of addresses: from now on, hp_live_may_hold() returns true for all of them. There
 * can be only one pinned range. */
void hp_live_pin_range(const void *start, size_t size);

/* Returns the number of entries. Takes no lock. */
size_t hp_live_count(void);

/* Call it in a fork child. Releases the locks. */
void hp_live_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_live_view[8];
