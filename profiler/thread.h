/* SPDX-License-Identifier: MIT */
/* What the profiler knows of each thread.
 *
 * Two places: a few hot words in thread-local storage, read by every malloc, and a struct in the
 * arena that outlives the thread. The arena's struct points to the words as long as the thread
 * lives, so that a dump can add up all threads' counts and never reads a dead thread's storage. */
#pragma once
#include "sampler.h"
#include "sys.h"
#include "trigger.h"

enum hp_tls_state {
	HP_TLS_NEW,   /* has not allocated yet */
	HP_TLS_KNOWN, /* has a struct hp_thread */
	HP_TLS_GONE,  /* its destructors run: it borrows a struct for each call */
};

struct hp_tls {
	uint64_t allocated;  /* bytes asked for by this thread, ever */
	uint64_t checkpoint; /* when `allocated` gets here the hook takes its slow path: 0 always */
	struct hp_thread *thread;
	uint32_t in_hook; /* an allocation made now is our own, or the allocator's own */
	uint32_t state;   /* enum hp_tls_state */
};

/* Initial-exec: no call, no allocation on first use. Small, because a library that is opened late
 * must find room for it in the static block. */
extern __thread struct hp_tls hp_tls __attribute__((tls_model("initial-exec")));

struct hp_thread {
	struct hp_thread *next; /* in the registry; never unlinked, reused */
	struct hp_tls *tls;     /* NULL: free for reuse, or borrowed by a thread that is going */
	uint32_t is_taken;
	uint32_t is_busy;   /* inside the recorder: what fork waits for */
	uint32_t session;   /* for which `sampler` and `sample_at` were made */
	uint64_t sample_at; /* position on tls->allocated of the next marked byte */
	uint64_t accounted; /* how much of tls->allocated the triggers have been told */
	uint64_t step;      /* bytes until they are to be told again */
	struct hp_trigger_news news;
	uint64_t stack_top;  /* end of the thread's own stack; 0: not known yet */
	uint64_t stack_home; /* from here up to stack_top is known to be readable */
	struct hp_sampler sampler;
	uint64_t *frames; /* room for a stack of HP_STACK_DEPTH_MAX frames */
};

/* Makes the key that tells of thread ends. Call once at start, where calling the C library is safe.
 */
void hp_thread_init(void);

/* The calling thread's struct, made or borrowed now if needed; NULL if there is no memory. Each
 * successful call is ended by hp_thread_leave(). Any thread, from within a hook. */
struct hp_thread *hp_thread_enter(void);
void hp_thread_leave(struct hp_thread *thread);

/* Bytes that all threads, dead ones included, have asked for since the program or fork began. */
uint64_t hp_thread_allocated_total(void);

/* Makes every thread take the slow path at its next allocation. */
void hp_thread_recall_all(void);

/* Waits until no other thread is busy; false if one still was after `patience_ms`. */
bool hp_thread_wait_idle(int patience_ms);

/* In a fork child: only the calling thread is left. Bytes counted so far are forgotten. */
void hp_thread_after_fork(void);
