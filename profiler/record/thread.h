/* SPDX-License-Identifier: MIT */
/* What the profiler knows of each thread.
 *
 * Two places: a few hot words in thread-local storage, see tls.h, and a struct in the arena that
 * outlives the thread. The arena's struct points to the words as long as the thread lives, so that
 * a dump can add up all threads' counts and never reads a dead thread's storage. */
#pragma once
#include "base/tls.h"
#include "base/view.h"
#include "record/trigger.h"
#include "tables/sampler.h"
#include "unwind/unwind.h"

struct hp_thread {
	struct hp_thread *next; /* in the registry; never unlinked, reused */
	struct hp_tls *tls;     /* NULL: free for reuse, or borrowed by a thread that is going */
	uint32_t number;        /* 0 for the first made, 1 for the next... */
	uint32_t is_taken;
	uint32_t is_busy;   /* inside the recorder: what fork waits for */
	uint32_t session;   /* for which `sampler` and `sample_at` were made */
	uint64_t sample_at; /* where on the thread's bytes the next marked one is */
	uint64_t accounted; /* how many of its bytes the triggers have been told */
	uint64_t step;      /* bytes until they are to be told again */
	struct hp_trigger_news news;
	uint64_t n_samples;    /* taken through it, in all sessions and by all its threads */
	uint64_t n_stacks_cut; /* how many of these have a stack that was cut: see unwind.h */
	struct hp_walker walker;
	struct hp_sampler sampler;
};

/* Makes the key that tells of thread ends. Call once at start, where calling the C library is safe.
 */
void hp_thread_init(void);

/* Called in each thread that has a struct and ends, before that is given up; in_hook is set. */
extern void (*hp_thread_on_exit)(void);

/* The calling thread's struct, made or borrowed now if needed; NULL if there is no memory. Each
 * successful call is ended by hp_thread_leave(). Any thread, from within a hook. */
struct hp_thread *hp_thread_enter(void);
void hp_thread_leave(struct hp_thread *thread);

/* Counts for a session from now on, from 0. Session 0 is none. */
void hp_thread_begin_session(uint32_t session);

/* Makes threads that do not belong to it yet take the slow path at their next allocation. */
void hp_thread_recall(void);

/* Bytes that all threads, dead ones included, have asked for in this session. */
uint64_t hp_thread_allocated_total(void);

/* Samples that all threads have taken, in all sessions; and those whose stacks were cut. */
uint64_t hp_thread_samples_total(void);
uint64_t hp_thread_stacks_cut_total(void);

/* What threads have counted for this session and not told the triggers yet, roughly: they go on
 * meanwhile. `allocated` is not filled in. */
struct hp_trigger_news hp_thread_news_total(void);

/* Waits until no other thread is busy; false if one still was after `patience_ms`. */
bool hp_thread_wait_idle(int patience_ms);

/* In a fork child: of the parent's threads only the calling one is left. It joins that session at
 * its next allocation. */
void hp_thread_after_fork(uint32_t session);

/* Rows of the view. */
extern const struct hp_view_row hp_thread_view[13];
