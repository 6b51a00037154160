/* SPDX-License-Identifier: MIT */
#include "lock.h"

#define SPINS   64
#define WAIT_NS 100000000

/* Others may be waiting as well: whoever has waited wakes the next one. */
static bool try_after_wait(struct hp_lock *lock)
{
	uint32_t expected = 0;

	return __atomic_compare_exchange_n(&lock->word, &expected, hp_lock_me() | HP_LOCK_WAITED,
					   false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* How much of the patience it took: if woken up none, for the lock changes hands. Signal handlers
 * may end every wait. No more is counted than asked for: time goes on while the process is stopped
 * as a whole. */
static int64_t wait_once(struct hp_lock *lock)
{
	const struct timespec wait = {.tv_nsec = WAIT_NS};
	int64_t begin = hp_sys_now_ns(), waited;
	uint32_t word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);

	if (word == 0 || (!(word & HP_LOCK_WAITED) &&
			  !__atomic_compare_exchange_n(&lock->word, &word, word | HP_LOCK_WAITED,
						       false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)))
		return 0;
	int result = hp_sys_futex_wait(&lock->word, word | HP_LOCK_WAITED, &wait);

	if (result != -ETIMEDOUT && result != -EINTR)
		return 0;
	waited = hp_sys_now_ns() - begin;
	return waited < WAIT_NS ? waited : WAIT_NS;
}

bool hp_lock_wait(struct hp_lock *lock)
{
	int64_t patience = HP_LOCK_PATIENCE_MS * INT64_C(1000000);

	if (hp_lock_is_mine(lock))
		return false;
	for (int i = 0; i < SPINS; i++) {
		if (__atomic_load_n(&lock->word, __ATOMIC_RELAXED) == 0 && hp_lock_try(lock))
			return true;
		__builtin_ia32_pause();
	}
	while (!try_after_wait(lock)) {
		if (patience <= 0)
			return false;
		patience -= wait_once(lock);
	}
	return true;
}
