/* SPDX-License-Identifier: MIT */
/* What the profiler knows of each thread.
 *
 * Two places: a few hot words in thread-local storage, read by every malloc, and a struct in the
 * arena that outlives the thread. The arena's struct points to the words as long as the thread
 * lives, so that a dump can add up all threads' counts and never reads a dead thread's storage. */
#pragma once
#include "sampler.h"
#include "stack_memory.h"
#include "sys.h"
#include "trigger.h"

enum hp_tls_state {
	HP_TLS_NEW,   /* has not allocated yet */
	HP_TLS_KNOWN, /* has a struct hp_thread */
	HP_TLS_GONE,  /* its destructors run: it borrows a struct for each call */
};

struct hp_tls {
	uint64_t left;       /* bytes until the hook takes its slow path; 0: it always does */
	uint64_t checkpoint; /* where on the sequence of this thread's bytes that will be */
	uint32_t version;    /* odd while the two are changed together */
	uint32_t n_pauses;   /* of a session, by this thread: see hp_session_pause() */
	struct hp_thread *thread;
	uint32_t in_hook; /* an allocation made now is our own, or the allocator's own */
	uint32_t state;   /* enum hp_tls_state */
};

/* Bytes asked for by the thread in this session. Only the thread itself may ask. */
static inline uint64_t hp_tls_allocated(const struct hp_tls *tls)
{
	return tls->checkpoint - tls->left;
}

/* Says how many they are, and where the next checkpoint is. */
static inline void hp_tls_set(struct hp_tls *tls, uint64_t allocated, uint64_t checkpoint)
{
	uint32_t version = tls->version;

	__atomic_store_n(&tls->version, version + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__atomic_store_n(&tls->checkpoint, checkpoint, __ATOMIC_RELAXED);
	__atomic_store_n(&tls->left, checkpoint - allocated, __ATOMIC_RELAXED);
	__atomic_store_n(&tls->version, version + 2, __ATOMIC_RELEASE);
}

/* Initial-exec: no call, no allocation on first use. Small, because a library that is opened late
 * must find room for it in the static block. */
extern __thread struct hp_tls hp_tls
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* A frame of a walk, and what it was found by; see unwind.c. */
struct hp_step {
	uint64_t frame;  /* see hp_frame_make */
	uint64_t pc;     /* the return address */
	uint64_t sp, bp; /* on return to it */
	uint64_t bp_at;  /* where that bp was read; 0: nowhere, it is the callee's */
};

enum {
	HP_STEPS_MAX = 64 /* of a walk are remembered */
};

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
	bool is_stack_cut;     /* the last walk's */
	struct hp_stack_memory memory;
	struct hp_sampler sampler;
	uint64_t *frames;                    /* room for a stack of HP_STACK_DEPTH_MAX frames */
	struct hp_step *steps, *spare_steps; /* of the last walk, and room for the next */
	uint32_t n_steps;
	uint32_t steps_epoch; /* in which they were made: see hp_modules_epoch */
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
