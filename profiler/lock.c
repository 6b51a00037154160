/* SPDX-License-Identifier: MIT */
#include "lock.h"

#define SPINS     64
#define WAIT_MS   100
#define WAITS_MAX (HP_LOCK_PATIENCE_MS / WAIT_MS)

bool hp_lock_wait(struct hp_lock *lock)
{
	const struct timespec wait = {.tv_nsec = WAIT_MS * 1000000L};
	int n_waits = 0;

	for (int i = 0; i < SPINS; i++) {
		if (__atomic_load_n(&lock->word, __ATOMIC_RELAXED) == 0 && hp_lock_try(lock))
			return true;
		__builtin_ia32_pause();
	}
	/* Waits are counted, not the time: it goes on while the process is stopped as a whole. */
	while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0) {
		if (n_waits == WAITS_MAX)
			return false;
		n_waits += hp_sys_futex_wait(&lock->word, 2, &wait) == -ETIMEDOUT;
	}
	return true;
}
