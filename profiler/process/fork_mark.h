/* SPDX-License-Identifier: MIT */
/* Tells a forked process from the one it came from, also where no fork handler ran (a raw clone),
 * and tells both from a vfork child, which runs in its parent's memory. A page of ours is wiped by
 * the kernel in the child of a fork; in a vfork child it is the parent's own page. */
#pragma once
#include "base/view.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	HP_FORK_MARK_WIPED, /* by the kernel: nobody has begun in this process */
	HP_FORK_MARK_BEGINNING,
	HP_FORK_MARK_KNOWN
};

extern uint32_t *hp_fork_mark; /* never NULL */

/* Makes the page. Without memory or a kernel that knows MADV_WIPEONFORK raw clones go unseen. */
void hp_fork_mark_init(void);

/* True in a fork child until hp_fork_mark_set() is called there. */
static inline bool hp_fork_mark_is_new_process(void)
{
	return __atomic_load_n(hp_fork_mark, __ATOMIC_ACQUIRE) != HP_FORK_MARK_KNOWN;
}

/* In a new process: true for one thread, which is to make the process ready, with all signals
 * blocked, and then to call hp_fork_mark_set(). */
bool hp_fork_mark_begin(void);

/* This process is known now. */
void hp_fork_mark_set(void);

/* Waits for the thread that has begun; false if it takes too long. */
bool hp_fork_mark_wait(void);

/* True in a vfork child: the memory is that of another process, which sleeps. */
bool hp_fork_mark_is_vfork_child(void);

/* Rows of the view. */
extern const struct hp_view_row hp_fork_mark_view[3];
