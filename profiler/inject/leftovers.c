/* SPDX-License-Identifier: MIT */
#include "inject/leftovers.h"
#include "inject/memory_file.h"
#include "inject/patches_parts.h"
#include "inject/thread.h"

static const char no_moment[] = "no moment was found at which one of its threads can make a system "
				"call; try again";

bool hp_leftovers_exist(struct hp_target *t)
{
	return hp_thread_has_left(t) || hp_patches_have_left(t) || hp_memory_file_is_left(t);
}

static int remove_all(struct hp_target *t, struct hp_stop *stop, struct hp_system_call_host *host)
{
	int r = hp_thread_clean(t, stop, host);

	if (!r)
		r = hp_memory_file_clean(t, host);
	return r ? r : hp_patches_clean(t, host);
}

int hp_leftovers_remove(struct hp_target *t)
{
	struct hp_stop *stop = NULL;
	struct hp_system_call_host *host;
	int r = hp_host_begin(t, &stop, NULL, NULL, no_moment, &host);

	if (!r) {
		r = remove_all(t, stop, host);
		hp_host_end(stop, &host);
	}
	hp_stop_end(stop);
	return r;
}
