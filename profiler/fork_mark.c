/* SPDX-License-Identifier: MIT */
#include "fork_mark.h"
#include "arena.h"
#include "sys.h"

static uint32_t no_page = 1;
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
	*hp_fork_mark = 1;
}

bool hp_fork_mark_is_vfork_child(void)
{
	return !hp_fork_mark_is_new_process() && hp_sys_getpid() != known_pid;
}
