/* SPDX-License-Identifier: MIT */
#include "lock.h"

#define SPINS     64
#define WAIT_MS   100
#define WAITS_MAX (HP_LOCK_PATIENCE_MS / WAIT_MS)

/* Others may be waiting as well: whoever has waited wakes the next one. */
static bool try_after_wait(struct hp_lock *lock)
{
	uint32_t expected = 0;

	return __atomic_compare_exchange_n(&lock->word, &expected, hp_lock_me() | HP_LOCK_WAITED,
					   false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* True if a time-out has passed. */
static bool wait_once(struct hp_lock *lock)
{
	const struct timespec wait = {.tv_nsec = WAIT_MS * 1000000L};
	uint32_t word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);

	if (word == 0 || (!(word & HP_LOCK_WAITED) &&
			  !__atomic_compare_exchange_n(&lock->word, &word, word | HP_LOCK_WAITED,
						       false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)))
		return false;
	return hp_sys_futex_wait(&lock->word, word | HP_LOCK_WAITED, &wait) == -ETIMEDOUT;
}

bool hp_lock_wait(struct hp_lock *lock)
{
	int n_waits = 0;

	if (hp_lock_is_mine(lock))
		return false;
	for (int i = 0; i < SPINS; i++) {
		if (__atomic_load_n(&lock->word, __ATOMIC_RELAXED) == 0 && hp_lock_try(lock))
			return true;
		__builtin_ia32_pause();
	}
	/* Waits are counted, not the time: it goes on while the process is stopped as a whole. */
	while (!try_after_wait(lock)) {
		if (n_waits == WAITS_MAX)
			return false;
		n_waits += wait_once(lock);
	}
	return true;
}
