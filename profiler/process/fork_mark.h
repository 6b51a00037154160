/* SPDX-License-Identifier: MIT */
/* The fork mark is a word in a page of ours that the kernel wipes in the child of a fork. It
 * distinguishes a forked process from its parent, even if no fork handler ran (a raw clone). With
 * the process ID, it also distinguishes both from a vfork child, which runs in its parent's memory,
 * where the word is not wiped. Any thread; signal-safe: yes; may allocate: no. */
#pragma once
#include "base/view.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	HP_FORK_MARK_WIPED, /* wiped by the kernel: no thread has called hp_fork_mark_begin() yet */
	HP_FORK_MARK_BEGINNING, /* one thread is making the process ready */
	HP_FORK_MARK_KNOWN
};

extern uint32_t *hp_fork_mark; /* never NULL */

/* Maps the page. If there is no memory, or the kernel does not support MADV_WIPEONFORK, raw clones
 * are not detected. Call it once, at start. */
void hp_fork_mark_init(void);

/* Returns true in a fork child until hp_fork_mark_set() is called there. */
static inline bool hp_fork_mark_is_new_process(void)
{
	return __atomic_load_n(hp_fork_mark, __ATOMIC_ACQUIRE) != HP_FORK_MARK_KNOWN;
}

/* Call it in a new process. Returns true to one thread only; that thread must make the process
 * ready, with all signals blocked, and then call hp_fork_mark_set(). Returns false to all other
 * threads. */
bool hp_fork_mark_begin(void);

/* Marks this process as known, and wakes the threads in hp_fork_mark_wait(). */
void hp_fork_mark_set(void);

/* Waits until hp_fork_mark_set() was called, and returns true. Returns false if that takes too
 * long. */
bool hp_fork_mark_wait(void);

/* Returns true in a vfork child, which runs in the memory of its parent while the parent sleeps. */
bool hp_fork_mark_is_vfork_child(void);

/* Rows of the view. */
extern const struct hp_view_row hp_fork_mark_view[3];
