/* SPDX-License-Identifier: MIT */
#include "lock.h"

enum {
	SPINS = 8,   /* for an owner that is running: it is done within a microsecond */
	YIELDS = 20, /* for one whose processor we have taken: better by far than naps are, where
		      * threads are many more than processors */
	NAP_MIN_NS = 50 * 1000,
	NAP_MAX_NS = 1600 * 1000,
	COUNTED_MAX_NS = 10 * 1000 * 1000
};

/* How much of the patience it took. Signal handlers may end every nap. No more than a limit is
 * counted: time goes on while the process is stopped as a whole; and where there is no clock, what
 * was asked for. */
static int64_t nap(struct hp_lock *lock, long ns)
{
	const struct timespec time = {.tv_nsec = ns};
	int64_t begin = hp_sys_now_ns(), slept;
	uint32_t word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);

	if (word == 0)
		return 0;
	hp_sys_futex_wait(&lock->word, word, &time);
	slept = hp_sys_now_ns() - begin;
	if (slept <= 0)
		return ns;
	return slept < COUNTED_MAX_NS ? slept : COUNTED_MAX_NS;
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
	for (int i = 0; i < YIELDS; i++) {
		hp_sys_yield();
		if (hp_lock_try(lock))
			return true;
	}
	for (long ns = NAP_MIN_NS; !hp_lock_try(lock); ns = ns < NAP_MAX_NS ? ns * 2 : ns) {
		if (patience <= 0)
			return false;
		patience -= nap(lock, ns);
	}
	return true;
}
