/* SPDX-License-Identifier: MIT */
/* An hp_lock is a lock whose waiters give up. A thread of the host may be stopped for good while it
 * holds one of our locks (by a collector that suspends threads, a debugger, a fork at the wrong
 * moment). So a waiter gives up after a while and loses a sample, but never hangs. A thread never
 * waits for a lock that it holds itself: if a signal handler interrupted code that holds the lock,
 * it gives up at once. All zeroes is an unlocked lock. Any thread; signal-safe: yes; may allocate:
 * no.
 *
 * A release does not wake the waiters: a waiter lets other threads run, naps, and looks again. So a
 * release is a plain store. To look for waiters, a release would need a locked instruction; with
 * every block recorded, each malloc and free have four releases, and the locked instructions would
 * be an eighth of their time. */
#pragma once
#include "base/sys.h"
#include "base/tls.h"

#define HP_LOCK_PATIENCE_MS 2000

struct hp_lock {
	uint32_t word; /* 0: free; otherwise the owner's number, as hp_lock_me() returns it */
};

/* The slow path of hp_lock_acquire(); takes and returns the same. */
bool hp_lock_wait(struct hp_lock *lock);

/* Returns a number for the calling thread. Two threads have the same number only if their stacks
 * are 256 GiB apart. */
static inline uint32_t hp_lock_me(void)
{
	return (uint32_t)((uintptr_t)&hp_tls >> 6) | 1;
}

/* Acquires the lock if it is free, and never waits. Returns true if it was free and the caller now
 * holds it; otherwise returns false. */
static inline bool hp_lock_try(struct hp_lock *lock)
{
	uint32_t expected = 0;

	return __atomic_compare_exchange_n(&lock->word, &expected, hp_lock_me(), false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Returns true if the calling thread holds the lock. In a signal handler, the code that the handler
 * interrupted counts as well. */
static inline bool hp_lock_is_mine(struct hp_lock *lock)
{
	return __atomic_load_n(&lock->word, __ATOMIC_RELAXED) == hp_lock_me();
}

/* Acquires the lock and returns true. Returns false if the lock was not free within
 * HP_LOCK_PATIENCE_MS, or if the caller already holds it. Only naps count as waiting, and each at
 * most 10 ms: if processors are scarce, the call takes longer. */
static inline bool hp_lock_acquire(struct hp_lock *lock)
{
	return __builtin_expect(hp_lock_try(lock), true) || hp_lock_wait(lock);
}

/* Same as hp_lock_acquire(), but waits up to ten times HP_LOCK_PATIENCE_MS, as long as the owner
 * changes `*progress` within each HP_LOCK_PATIENCE_MS. */
bool hp_lock_acquire_while(struct hp_lock *lock, const uint32_t *progress);

/* Releases the lock. In a fork child, any thread may also release a lock whose owner does not exist
 * there. */
static inline void hp_lock_release(struct hp_lock *lock)
{
	__atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
}
