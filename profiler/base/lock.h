/* SPDX-License-Identifier: MIT */
/* An hp_lock is a lock whose waiters give up. A thread of the host may be stopped for good while it
 * holds one of our locks (by a collector that suspends threads, a debugger, a fork at the wrong
 * moment). So a waiter gives up after a while and loses a sample, but never hangs. A thread never
 * waits for a lock that it holds: a signal handler that finds its own thread inside gives up at
 * once. All zeroes is an unlocked lock. Any thread; signal-safe: yes; may allocate: no.
 *
 * A release wakes nobody: a waiter lets others run, naps, and looks again. So a release is a plain
 * store. A release that had to look for waiters would need a locked instruction; with every block
 * recorded there are four releases per malloc and free, an eighth of their time. */
#pragma once
#include "base/sys.h"
#include "base/tls.h"

#define HP_LOCK_PATIENCE_MS 2000

struct hp_lock {
	uint32_t word; /* 0: free; otherwise its owner, see hp_lock_me() */
};

/* The slow path of hp_lock_acquire(); see there. */
bool hp_lock_wait(struct hp_lock *lock);

/* Returns a number for the calling thread. Two threads share one only if their stacks are 256 GiB
 * apart. */
static inline uint32_t hp_lock_me(void)
{
	return (uint32_t)((uintptr_t)&hp_tls >> 6) | 1;
}

/* Returns true if the lock was free and is now held by the caller. Never waits. */
static inline bool hp_lock_try(struct hp_lock *lock)
{
	uint32_t expected = 0;

	return __atomic_compare_exchange_n(&lock->word, &expected, hp_lock_me(), false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Returns true if the calling thread holds the lock. In a signal handler: if the code that it
 * interrupted holds it. */
static inline bool hp_lock_is_mine(struct hp_lock *lock)
{
	return __atomic_load_n(&lock->word, __ATOMIC_RELAXED) == hp_lock_me();
}

/* Returns true if the lock was acquired, or false if it was not within HP_LOCK_PATIENCE_MS or the
 * caller holds it already. Only time that could be spent waiting counts: where processors are
 * scarce it takes longer. */
static inline bool hp_lock_acquire(struct hp_lock *lock)
{
	return __builtin_expect(hp_lock_try(lock), true) || hp_lock_wait(lock);
}

/* Same, but waits up to ten times as long, while the owner advances `*progress` within each
 * HP_LOCK_PATIENCE_MS. */
bool hp_lock_acquire_while(struct hp_lock *lock, const uint32_t *progress);

/* Releases the lock. A fork child may also release a lock whose owner does not exist there. */
static inline void hp_lock_release(struct hp_lock *lock)
{
	__atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
}
