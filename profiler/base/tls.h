/* SPDX-License-Identifier: MIT */
/* hp_tls is the few words of a thread's state that every malloc reads, in thread-local storage. The
 * rest of the state is in thread.h. Only the thread itself may write the words. */
#pragma once
#include <stdint.h>

struct hp_thread;

enum hp_tls_state {
	HP_TLS_NEW,   /* has not allocated yet */
	HP_TLS_KNOWN, /* has a struct hp_thread */
	HP_TLS_GONE,  /* its destructors are running: each call of a hook borrows a struct */
};

struct hp_tls {
	uint64_t left;       /* bytes until the hook takes its slow path; 0: always takes it */
	uint64_t checkpoint; /* the position, in the sequence of bytes that this thread allocates,
				at which `left` is used up */
	uint32_t version;    /* odd while `left` and `checkpoint` are being changed together */
	uint32_t n_pauses;   /* pauses begun by this thread: see hp_session_pause() */
	struct hp_thread *thread;
	uint32_t in_hook; /* allocations made now are the profiler's own, or the allocator's own */
	uint32_t state;   /* enum hp_tls_state */
	uint64_t objects_left;  /* as `left`, for the bytes of objects in pools */
	const void *pool_class; /* the class and the address of the pool for which the program */
	const void *pool;       /* said last that it calls malloc */
};

/* Returns how many bytes the thread has asked for in this session. Only the thread itself may call
 * it. */
static inline uint64_t hp_tls_allocated(const struct hp_tls *tls)
{
	return tls->checkpoint - tls->left;
}

/* Sets the number that hp_tls_allocated() returns, and the position of the next checkpoint. */
static inline void hp_tls_set(struct hp_tls *tls, uint64_t allocated, uint64_t checkpoint)
{
	uint32_t version = tls->version;

	__atomic_store_n(&tls->version, version + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__atomic_store_n(&tls->checkpoint, checkpoint, __ATOMIC_RELAXED);
	__atomic_store_n(&tls->left, checkpoint - allocated, __ATOMIC_RELAXED);
	__atomic_store_n(&tls->version, version + 2, __ATOMIC_RELEASE);
}

/* With the model initial-exec, an access needs no call and the first use no allocation. The struct
 * is small, because a library that is opened late must find room for it in the static TLS block. */
extern __thread struct hp_tls hp_tls
	__attribute__((tls_model("initial-exec"), visibility("hidden")));
