/* SPDX-License-Identifier: MIT */
/* A thread's stack memory is what we know about which words of its stacks can be read. A walk asks
 * it before it reads a word. Any thread, from within a hook; signal-safe: yes, because no two walks
 * share a struct; may allocate: no. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HP_STACK_PAGES_KNOWN = 4 /* how many of the pages that a walk has checked are remembered */
};

struct hp_stack_memory { /* one per thread; all zeroes is a valid start */
	uintptr_t top;   /* upper end of the thread's own stack; 0: not known yet */
	uintptr_t home;  /* the home is from here up to top */
	uintptr_t floor; /* the home is never extended below this */
	uintptr_t began_at;
	uintptr_t
		known[HP_STACK_PAGES_KNOWN]; /* addresses of pages, plus 1 if they can't be read */
	uint32_t n_known;       /* pages checked in this walk; the last ones are in `known` */
	uint32_t n_checks_left; /* how many pages this walk may still check */
	bool is_exhausted;      /* a page was not checked because the budget was used up */
	bool is_home_due;       /* the next walk may extend the home */
	uint64_t n_checks;      /* pages checked by all walks */
};

/* Begins a walk of the calling thread at the stack pointer `sp`. The walk may check `n_checks`
 * pages outside of the home. */
void hp_stack_memory_begin(struct hp_stack_memory *m, uintptr_t sp, size_t n_checks);

/* Returns true if the 8 bytes at `address` are within the thread's home, and so can be read. */
static inline bool hp_stack_memory_is_home(const struct hp_stack_memory *m, uintptr_t address)
{
	return address >= m->home && address <= m->top - sizeof(uint64_t);
}

/* Returns true if the 8 bytes at `address`, a multiple of 8 outside of the home, can be read. If
 * they are in one of the last pages that the walk has checked, the answer is known; otherwise it
 * costs a system call and one page of the budget. Returns false, and sets is_exhausted, if the page
 * is not one of these and the budget is used up. */
bool hp_stack_memory_is_readable(struct hp_stack_memory *m, uintptr_t address);

/* Ends the walk, which got as far as the stack pointer `sp`. `is_cut` is true if the stack has more
 * frames. */
void hp_stack_memory_end(struct hp_stack_memory *m, uintptr_t sp, bool is_cut);
