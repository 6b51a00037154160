/* SPDX-License-Identifier: MIT */
/* Which words of a thread's stacks can be read: what a walk asks before it reads one. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HP_STACK_PAGES_KNOWN = 4 /* of a walk: remembered */
};

struct hp_stack_memory { /* one per thread; all zeroes is a valid start */
	uintptr_t top;   /* end of the thread's own stack; 0: not known yet */
	uintptr_t home;  /* from here up to top is known to be readable */
	uintptr_t floor; /* the home is never extended below this */
	uintptr_t began_at;
	uintptr_t known[HP_STACK_PAGES_KNOWN]; /* pages, 1 added if they can't be read */
	uint32_t n_known;                      /* in this walk; the last few are in `known` */
	uint32_t n_checks_left;                /* of this walk's budget */
	bool is_exhausted;                     /* a page was not checked for want of budget */
	bool is_home_due;                      /* the next walk may extend the home */
	uint64_t n_checks;                     /* system calls made, by all walks */
};

/* Begins a walk of the calling thread at the stack pointer `sp`, which may check `n_checks` pages
 * outside of its home. The functions here run in any thread, from within a hook; signal-safe: no
 * two walks share a struct; they allocate nothing. */
void hp_stack_memory_begin(struct hp_stack_memory *m, uintptr_t sp, size_t n_checks);

/* Whether the 8 bytes at `address` are within the thread's home, and so can be read. */
static inline bool hp_stack_memory_is_home(const struct hp_stack_memory *m, uintptr_t address)
{
	return address >= m->home && address <= m->top - sizeof(uint64_t);
}

/* Whether those at `address`, a multiple of 8, can be read where they are not. Costs a system call
 * unless one of the pages that were last asked about has them. False with is_exhausted set if the
 * budget is used up. */
bool hp_stack_memory_is_readable(struct hp_stack_memory *m, uintptr_t address);

/* Ends the walk, which came to the stack pointer `sp`. `is_cut`: it would have gone on. */
void hp_stack_memory_end(struct hp_stack_memory *m, uintptr_t sp, bool is_cut);
