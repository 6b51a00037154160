/* SPDX-License-Identifier: MIT */
/* hp_tls holds the words of a thread that every malloc reads, in thread-local storage. All else
 * that is known of the thread is in thread.h. Only the thread itself may write them. */
#pragma once
#include <stdint.h>

struct hp_thread;

enum hp_tls_state {
	HP_TLS_NEW,   /* has not allocated yet */
	HP_TLS_KNOWN, /* has a struct hp_thread */
	HP_TLS_GONE,  /* its destructors are running: it borrows a struct for each call */
};

struct hp_tls {
	uint64_t left;       /* bytes until the hook takes its slow path; 0: it always does */
	uint64_t checkpoint; /* the position of that point on the sequence of this thread's bytes */
	uint32_t version;    /* odd while the two are changed together */
	uint32_t n_pauses;   /* by this thread, of a session: see hp_session_pause() */
	struct hp_thread *thread;
	uint32_t in_hook; /* an allocation made now is our own, or the allocator's own */
	uint32_t state;   /* enum hp_tls_state */
};

/* Returns the bytes that the thread has asked for in this session. Only the thread itself may call
 * it. */
static inline uint64_t hp_tls_allocated(const struct hp_tls *tls)
{
	return tls->checkpoint - tls->left;
}

/* Sets that number, and the position of the next checkpoint. */
static inline void hp_tls_set(struct hp_tls *tls, uint64_t allocated, uint64_t checkpoint)
{
	uint32_t version = tls->version;

	__atomic_store_n(&tls->version, version + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__atomic_store_n(&tls->checkpoint, checkpoint, __ATOMIC_RELAXED);
	__atomic_store_n(&tls->left, checkpoint - allocated, __ATOMIC_RELAXED);
	__atomic_store_n(&tls->version, version + 2, __ATOMIC_RELEASE);
}

/* Initial-exec: access needs no call, and the first use no allocation. The struct is small, because
 * a library that is opened late must find room for it in the static block. */
extern __thread struct hp_tls hp_tls
	__attribute__((tls_model("initial-exec"), visibility("hidden")));
