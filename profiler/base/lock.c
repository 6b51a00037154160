/* SPDX-License-Identifier: MIT */
#include "base/lock.h"
#include "base/patience.h"

enum {
	SPINS = 8,   /* for an owner that is running: it is done within a microsecond */
	YIELDS = 20, /* for an owner whose processor this thread has taken; far better than naps if
			there are many more threads than processors */
	NAP_MIN_NS = 50 * 1000,
	NAP_MAX_NS = 1600 * 1000
};

bool hp_lock_wait(struct hp_lock *lock)
{
	int64_t patience = HP_PATIENCE_OF_MS(HP_LOCK_PATIENCE_MS);

	if (hp_lock_is_mine(lock))
		return false;
	for (int i = 0; i < SPINS; i++) {
		if (__atomic_load_n(&lock->word, __ATOMIC_RELAXED) == 0 && hp_lock_try(lock))
			return true;
		__builtin_ia32_pause();
	}
	for (int i = 0; i < YIELDS; i++) {
		hp_sys_yield();
		if (hp_lock_try(lock))
			return true;
	}
	for (long ns = NAP_MIN_NS; patience > 0; ns = ns < NAP_MAX_NS ? ns * 2 : ns) {
		uint32_t owner = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);

		if (owner != 0)
			hp_patience_sleep(&patience, &lock->word, owner, ns);
		if (hp_lock_try(lock))
			return true;
	}
	return false;
}

bool hp_lock_acquire_while(struct hp_lock *lock, const uint32_t *progress)
{
	const int n_rounds = 10;
	bool is_going_on = true;

	for (int i = 0; i < n_rounds && is_going_on; i++) {
		uint32_t seen = __atomic_load_n(progress, __ATOMIC_RELAXED);

		if (hp_lock_acquire(lock))
			return true;
		is_going_on = __atomic_load_n(progress, __ATOMIC_RELAXED) != seen;
	}
	return false;
}
