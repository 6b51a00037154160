/* SPDX-License-Identifier: MIT */
#include "lock.h"

#define HP_LOCK_PATIENCE_MS 2000
#define SPINS               64
#define WAIT_MS             100

bool hp_lock_wait(struct hp_lock *lock)
{
	const struct timespec wait = {.tv_nsec = WAIT_MS * 1000000L};

	for (int i = 0; i < SPINS; i++) {
		if (__atomic_load_n(&lock->word, __ATOMIC_RELAXED) == 0 && hp_lock_try(lock))
			return true;
		__builtin_ia32_pause();
	}
	struct timespec start = hp_sys_clock(CLOCK_MONOTONIC);

	while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0) {
		struct timespec now = hp_sys_clock(CLOCK_MONOTONIC);
		int64_t waited_ms = (now.tv_sec - start.tv_sec) * 1000 +
				    (now.tv_nsec - start.tv_nsec) / 1000000;

		if (waited_ms >= HP_LOCK_PATIENCE_MS)
			return false;
		hp_sys_futex_wait(&lock->word, 2, &wait);
	}
	return true;
}
