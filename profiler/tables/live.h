/* SPDX-License-Identifier: MIT */
/* Sampled address -> record and size, for blocks that have not been freed; and a filter by which
 * free() rules out nearly every other block with one load.
 *
 * The filter has a byte for each page of memory, by its number modulo 2^20 (4 GiB of addresses): 0
 * if no sampled block begins there. Blocks that lie together are tested by bytes that lie together:
 * 64 pages, 256 KiB of heap, share a cache line of the filter. Bytes and not bits because that is
 * four instructions less for each free(), and a bit's worth of a byte can say more: it is the tag
 * of the one block that the page holds. At 512 KiB a sample one free in 128 meets a byte that isn't
 * 0, and one in 30,000 a tag that is its own by chance. No block is moved or marked for this: a
 * block comes from the very call that the program made, and goes back by the very call. */
#pragma once
#include "base/arena.h"
#include "base/view.h"

enum {
	HP_FILTER_PAGES = 1 << 20
};

extern uint8_t hp_live_filter[HP_FILTER_PAGES] __attribute__((visibility("hidden")));

/* False if no block of the table begins on the page of `p`, or on one that shares its byte. In
 * assembly: of an atomic load and a comparison GCC makes two instructions. */
static inline bool hp_live_may_hold(const void *p)
{
	size_t page = (uint32_t)(uintptr_t)p / 4096;
	bool is_set;

	__asm__ volatile("cmpb $0, %[value]"
			 : "=@ccne"(is_set)
			 : [value] "m"(hp_live_filter[page]));
	return is_set;
}

/* False if the block at `p` is certainly not in the table. A few instructions more. */
bool hp_live_may_hold_block(const void *p);

struct hp_live_entry {
	uintptr_t address; /* 0: none */
	uint64_t size;
	hp_handle record; /* see stacks.h */
	uint32_t session; /* in which `record` is one: the entry may be out while the next begins */
};

/* Empties the table and makes it ready: with `by_page` for few blocks among many, else for all of
 * them, and the filter lets every address through. Entries come from `first_session` on; of those
 * that are more than 255 sessions later (each a fork of the one before) it is forgotten how much
 * later, so that their blocks, once freed, are not among those allocated by the process any more.
 * Nobody may be using it. */
void hp_live_reset(bool by_page, uint32_t first_session);

/* Empties the table and turns the filter off. */
void hp_live_stop(void);

/* Fetches what hp_live_insert() or hp_live_take() of the block will look at first: in a table that
 * is larger than the caches they would wait for it most of their time. Any thread, at any time. */
void hp_live_prefetch(const void *p);

/* Adds a block. An entry that the address still had is replaced and stored in `out_replaced`
 * (address 0 if there was none): its free was not seen. False if there is no memory, the lock could
 * not be had, or an address or a size is beyond what a slot has bits for: 2^48, and 4 TiB. Any
 * thread, from within a hook. */
bool hp_live_insert(const struct hp_live_entry *entry, struct hp_live_entry *out_replaced);

/* Takes the entry of the block out. False if it has none. */
bool hp_live_take(uintptr_t address, struct hp_live_entry *out);

/* Makes hp_live_may_hold() true for good for all addresses of a range. */
void hp_live_pin_range(const void *start, size_t size);

size_t hp_live_count(void);

void hp_live_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_live_view[8];
