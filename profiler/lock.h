/* SPDX-License-Identifier: MIT */
/* A lock that gives up. A thread of the host may be stopped for good while it holds one of ours (a
 * collector that suspends threads, a debugger, a fork at the wrong moment): who waits loses a
 * sample after a while, and never hangs. Any thread; all zeroes is an unlocked lock. */
#pragma once
#include "sys.h"

#define HP_LOCK_PATIENCE_MS 2000

struct hp_lock {
	uint32_t word; /* 0 free, 1 held, 2 held and perhaps waited for */
};

/* The part of hp_lock_acquire() that sleeps; see there. */
bool hp_lock_wait(struct hp_lock *lock);

static inline bool hp_lock_try(struct hp_lock *lock)
{
	uint32_t expected = 0;

	return __atomic_compare_exchange_n(&lock->word, &expected, 1, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/* False if the lock could not be had within HP_LOCK_PATIENCE_MS. */
static inline bool hp_lock_acquire(struct hp_lock *lock)
{
	return __builtin_expect(hp_lock_try(lock), true) || hp_lock_wait(lock);
}

static inline void hp_lock_release(struct hp_lock *lock)
{
	if (__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2)
		hp_sys_futex_wake(&lock->word, 1);
}

/* Forgets an owner that does not exist any more: in a fork child. */
static inline void hp_lock_reset(struct hp_lock *lock)
{
	__atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
}
