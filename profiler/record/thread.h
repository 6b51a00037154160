/* SPDX-License-Identifier: MIT */
/* A struct hp_thread is what the profiler knows about one thread of the program.
 *
 * Its few most used words are in thread-local storage: see tls.h. The rest is a struct in an arena
 * that outlives the thread. As long as the thread lives, the struct points to those words, so that
 * a dump can add up the counts of all threads and never reads the storage of a dead thread. */
#pragma once
#include "base/tls.h"
#include "base/view.h"
#include "record/trigger.h"
#include "tables/sampler.h"
#include "unwind/unwind.h"

struct hp_thread {
	struct hp_thread *next; /* in the registry; structs are reused, never removed */
	struct hp_tls *tls;     /* NULL: free, or borrowed by a thread that is ending */
	uint32_t number;        /* 0 for the first struct that was made, 1 for the next, ... */
	uint32_t is_taken;
	uint32_t is_busy;   /* the thread is inside the recorder, and a fork waits for it */
	uint32_t session;   /* the session for which `sampler` and `sample_at` were made */
	uint64_t sample_at; /* the position of the next mark in the thread's sequence of bytes */
	uint64_t accounted; /* how many bytes of that sequence were reported to the triggers */
	uint64_t step;      /* how many bytes to count until the next report */
	struct hp_trigger_news news;
	uint64_t n_samples; /* samples taken with this struct, by all its threads in all sessions */
	uint64_t n_stacks_cut; /* those of them whose stack was cut: see unwind.h */
	struct hp_walker walker;
	struct hp_sampler sampler;
	struct hp_sampler object_sampler; /* of objects in pools */
};

/* Makes the key whose destructor runs when a thread ends. Call it once, at start, where calling the
 * C library is safe. */
void hp_thread_init(void);

/* Each thread that has a struct calls this when it ends, before it gives the struct up. in_hook is
 * set. */
extern void (*hp_thread_on_exit)(void);

/* Returns the calling thread's struct; if it has none, allocates or borrows one. Returns NULL if
 * there is no memory. After each call that succeeds, call hp_thread_leave(). Any thread, from
 * within a hook. The recorder does not call this directly, but hp_session_enter(), which observes
 * pauses. */
struct hp_thread *hp_thread_enter(void);
void hp_thread_leave(struct hp_thread *thread);

/* Restarts the counts of allocated bytes and of news at 0, for the session with this number, which
 * is not 0. Counts of samples and of cut stacks go on over all sessions. */
void hp_thread_begin_session(uint32_t session);

/* Makes each thread that has not joined the present session take the slow path at its next
 * allocation. */
void hp_thread_recall(void);

/* Returns how many bytes all threads have asked for in this session, including threads that have
 * ended. */
uint64_t hp_thread_allocated_total(void);

/* The numbers of samples that all threads have taken in all sessions, and of those whose stack was
 * cut. */
uint64_t hp_thread_samples_total(void);
uint64_t hp_thread_stacks_cut_total(void);

/* Returns the sum of what threads have counted in this session and not yet reported to the
 * triggers. It is approximate, because threads go on counting. `allocated` is not set. */
struct hp_trigger_news hp_thread_news_total(void);

/* Waits until no other thread is busy, and returns true. Returns false if one is still busy after
 * `patience_ms`. */
bool hp_thread_wait_idle(int patience_ms);

/* Call it in a fork child, where the calling thread is the only one. Frees the structs of the
 * parent's other threads. The calling thread joins `session` at its next allocation. */
void hp_thread_after_fork(uint32_t session);

/* Rows of the view. */
extern const struct hp_view_row hp_thread_view[13];
