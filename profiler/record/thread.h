/* SPDX-License-Identifier: MIT */
/* A struct hp_thread is what the profiler knows of one thread of the program.
 *
 * A few hot words of it are in thread-local storage, see tls.h; the rest is a struct in the arena
 * that outlives the thread. The struct points to the words as long as the thread lives, so that a
 * dump can add up all threads' counts and never reads a dead thread's storage. */
#pragma once
#include "base/tls.h"
#include "base/view.h"
#include "record/trigger.h"
#include "tables/sampler.h"
#include "unwind/unwind.h"

struct hp_thread {
	struct hp_thread *next; /* in the registry; never unlinked, reused */
	struct hp_tls *tls;     /* NULL: free for reuse, or borrowed by a thread that ends */
	uint32_t number;        /* 0 for the first struct made, 1 for the next... */
	uint32_t is_taken;
	uint32_t is_busy;   /* inside the recorder: a fork waits for it */
	uint32_t session;   /* for which `sampler` and `sample_at` were made */
	uint64_t sample_at; /* which of the thread's bytes is the next marked one */
	uint64_t accounted; /* how many of its bytes have been reported to the triggers */
	uint64_t step;      /* bytes until the next report */
	struct hp_trigger_news news;
	uint64_t n_samples;    /* taken through it, in all sessions and by all its threads */
	uint64_t n_stacks_cut; /* how many of these have a stack that was cut: see unwind.h */
	struct hp_walker walker;
	struct hp_sampler sampler;
};

/* Makes the key by which the profiler learns that a thread ends. Once, at start, where calling the
 * C library is safe. */
void hp_thread_init(void);

/* Called in each thread that has a struct, at its end, before it gives the struct up. in_hook is
 * set. */
extern void (*hp_thread_on_exit)(void);

/* Returns the calling thread's struct, made or borrowed now if needed; or NULL if there is no
 * memory. hp_thread_leave() follows each call that succeeds. Any thread, from within a hook. The
 * recorder enters by session.h instead, which knows pauses. */
struct hp_thread *hp_thread_enter(void);
void hp_thread_leave(struct hp_thread *thread);

/* From now on counts are those of `session`, and begin at 0. Session 0 is none. */
void hp_thread_begin_session(uint32_t session);

/* Makes each thread that has not joined that session take the slow path at its next allocation. */
void hp_thread_recall(void);

/* Returns the bytes that all threads, dead ones included, have asked for in this session. */
uint64_t hp_thread_allocated_total(void);

/* Return the samples that all threads have taken, in all sessions; and those with a cut stack. */
uint64_t hp_thread_samples_total(void);
uint64_t hp_thread_stacks_cut_total(void);

/* Returns what threads have counted for this session and not yet reported to the triggers. It is
 * approximate, for they go on counting. `allocated` is not filled in. */
struct hp_trigger_news hp_thread_news_total(void);

/* Waits until no other thread is busy. Returns false if one still is after `patience_ms`. */
bool hp_thread_wait_idle(int patience_ms);

/* In a fork child, where only the calling thread is left of the parent's: gives up the structs of
 * the others. The thread joins `session` at its next allocation. */
void hp_thread_after_fork(uint32_t session);

/* Rows of the view. */
extern const struct hp_view_row hp_thread_view[13];
