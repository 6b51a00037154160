/* SPDX-License-Identifier: MIT */
/* A near page is memory that is mapped in a process so near to given addresses that jumps there
 * reach it, and it them. It can be executed but not written by the process; it is written from
 * outside. Its first bytes say whose it is. */
#pragma once
#include "inject/system_call.h"
#include "target/target.h"

enum {
	HP_NEAR_PAGE_SIZE = 16384,
};

/* Finds a gap between the target's mappings for a near page. Returns its address, or 0. */
uint64_t hp_near_page_gap(const struct hp_target *t, const uint64_t *addresses, size_t n);

/* Notes that there is no gap. Returns HP_TARGET_E. */
int hp_near_page_no_gap(struct hp_target *t);

/* Notes why memory for code can't be mapped; `result` is that of mmap. Returns HP_TARGET_E. */
int hp_near_page_explain(struct hp_target *t, int64_t result);

/* Maps a near page, whose bytes are zeroes. All threads are stopped. Returns 0 or HP_TARGET_E. */
int hp_near_page_map(struct hp_target *t, struct hp_system_call_host *host,
		     const uint64_t *addresses, size_t n, uint64_t *out);

/* Unmaps a near page. All threads are stopped. Returns 0 or HP_TARGET_E. */
int hp_near_page_unmap(struct hp_target *t, struct hp_system_call_host *host, uint64_t page);

/* Returns true if a near page may begin at the address, which is in the mapping. */
bool hp_near_page_is_possible(const struct hp_target_mapping *m, uint64_t address);

/* Returns true if the mapping is a near page of zeroes, as a killed tool leaves it. */
bool hp_near_page_is_empty(struct hp_target *t, const struct hp_target_mapping *m);
