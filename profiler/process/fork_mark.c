/* SPDX-License-Identifier: MIT */
#include "process/fork_mark.h"
#include "base/arena.h"
#include "base/memory.h"
#include "base/patience.h"
#include "base/sys.h"
#include <limits.h>

enum {
	PATIENCE_MS = 500
};

static uint32_t no_page = HP_FORK_MARK_KNOWN;
uint32_t *hp_fork_mark = &no_page;

static int known_pid;

void hp_fork_mark_init(void)
{
	uint32_t *page = hp_memory_map(4096);

	if (page && hp_sys_madvise(page, 4096, MADV_WIPEONFORK) == 0)
		hp_fork_mark = page;
	else
		hp_memory_unmap(page, 4096);
	hp_fork_mark_set();
}

void hp_fork_mark_set(void)
{
	known_pid = hp_sys_getpid();
	__atomic_store_n(hp_fork_mark, HP_FORK_MARK_KNOWN, __ATOMIC_RELEASE);
	hp_sys_futex_wake(hp_fork_mark, INT_MAX);
}

bool hp_fork_mark_begin(void)
{
	uint32_t expected = HP_FORK_MARK_WIPED;

	return __atomic_compare_exchange_n(hp_fork_mark, &expected, HP_FORK_MARK_BEGINNING, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

bool hp_fork_mark_wait(void)
{
	int64_t patience = HP_PATIENCE_OF_MS(PATIENCE_MS);

	while (hp_fork_mark_is_new_process() && patience > 0)
		hp_patience_sleep(&patience, hp_fork_mark, HP_FORK_MARK_BEGINNING, patience);
	return !hp_fork_mark_is_new_process();
}

bool hp_fork_mark_is_vfork_child(void)
{
	int pid = hp_sys_getpid();

	/* If a seccomp filter refuses getpid(), no process counts as a child. */
	return !hp_fork_mark_is_new_process() && pid > 0 && pid != known_pid;
}

const struct hp_view_row hp_fork_mark_view[] = {
	HP_VIEW_VARIABLE("fork_mark.page", hp_fork_mark),
	HP_VIEW_VARIABLE("fork_mark.known_pid", known_pid),
	HP_VIEW_CONSTANT("fork_mark.known", HP_FORK_MARK_KNOWN),
};
