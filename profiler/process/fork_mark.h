/* SPDX-License-Identifier: MIT */
/* The fork mark is a word in a page of ours that the kernel wipes in the child of a fork. It
 * distinguishes a forked process from its parent, also where no fork handler ran (a raw clone), and
 * both from a vfork child. A vfork child runs in its parent's memory, so the page there is the
 * parent's own. Any thread; signal-safe: yes; may allocate: no. */
#pragma once
#include "base/view.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	HP_FORK_MARK_WIPED,     /* wiped by the kernel: nobody has begun in this process */
	HP_FORK_MARK_BEGINNING, /* one thread is making it ready */
	HP_FORK_MARK_KNOWN
};

extern uint32_t *hp_fork_mark; /* never NULL */

/* Maps the page. Without memory, or a kernel that supports MADV_WIPEONFORK, raw clones go
 * unnoticed. Call once, at start. */
void hp_fork_mark_init(void);

/* Returns true in a fork child until hp_fork_mark_set() is called there. */
static inline bool hp_fork_mark_is_new_process(void)
{
	return __atomic_load_n(hp_fork_mark, __ATOMIC_ACQUIRE) != HP_FORK_MARK_KNOWN;
}

/* Call in a new process. Returns true for one thread. That thread makes the process ready, with all
 * signals blocked, and then calls hp_fork_mark_set(). */
bool hp_fork_mark_begin(void);

/* Marks this process as known, and wakes the threads that wait for that. */
void hp_fork_mark_set(void);

/* Waits for the thread that has begun. Returns false if it takes too long. */
bool hp_fork_mark_wait(void);

/* Returns true in a vfork child: its memory is that of another process, which sleeps. */
bool hp_fork_mark_is_vfork_child(void);

/* Rows of the view. */
extern const struct hp_view_row hp_fork_mark_view[3];
