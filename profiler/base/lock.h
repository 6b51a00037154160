/* SPDX-License-Identifier: MIT */
/* A lock that gives up. A thread of the host may be stopped for good while it holds one of ours (a
 * collector that suspends threads, a debugger, a fork at the wrong moment): who waits loses a
 * sample after a while, and never hangs. Nobody waits for himself: a signal handler that finds its
 * own thread inside gives up at once. Any thread; all zeroes is an unlocked lock.
 *
 * Nobody is woken up: who waits lets others run, naps, and looks again. So a release is a plain
 * store; one that may find a waiter has to be a locked instruction, and with every block recorded
 * there are four releases to a malloc and a free, an eighth of their time. */
#pragma once
#include "base/sys.h"
#include "base/tls.h"

#define HP_LOCK_PATIENCE_MS 2000

struct hp_lock {
	uint32_t word; /* 0 free, else who holds it */
};

/* The part of hp_lock_acquire() that sleeps; see there. */
bool hp_lock_wait(struct hp_lock *lock);

/* The calling thread: two share a number only if their stacks are 256 GiB apart. */
static inline uint32_t hp_lock_me(void)
{
	return (uint32_t)((uintptr_t)&hp_tls >> 6) | 1;
}

static inline bool hp_lock_try(struct hp_lock *lock)
{
	uint32_t expected = 0;

	return __atomic_compare_exchange_n(&lock->word, &expected, hp_lock_me(), false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* True if the calling thread holds it: in a signal handler, what it interrupted. */
static inline bool hp_lock_is_mine(struct hp_lock *lock)
{
	return __atomic_load_n(&lock->word, __ATOMIC_RELAXED) == hp_lock_me();
}

/* False if the lock could not be had within HP_LOCK_PATIENCE_MS, or is held by the caller. Only
 * time that could be waited is counted: where processors are scarce it takes longer. */
static inline bool hp_lock_acquire(struct hp_lock *lock)
{
	return __builtin_expect(hp_lock_try(lock), true) || hp_lock_wait(lock);
}

/* The same, but waits on, for ten times as long at most, while `*progress` of the owner's goes on
 * within each such time. */
bool hp_lock_acquire_while(struct hp_lock *lock, const uint32_t *progress);

/* In a fork child also that of an owner that does not exist any more. */
static inline void hp_lock_release(struct hp_lock *lock)
{
	__atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
}
