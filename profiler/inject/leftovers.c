/* SPDX-License-Identifier: MIT */
#include "inject/leftovers.h"
#include "inject/memory_file.h"
#include "inject/patches_parts.h"
#include "inject/slack.h"
#include "inject/thread.h"

static const char no_moment[] = "no moment was found at which one of its threads can make a system "
				"call; try again";

static bool is_stub_left(struct hp_target *t)
{
	size_t position = 0;
	uint64_t slack;

	return hp_slack_next_left(t, &position, &slack);
}

/* The stub of this tool's own host is among them: it is written again for each call. */
static int clear_stubs(struct hp_target *t, struct hp_system_call_host *host)
{
	static const uint8_t zeroes[HP_SLACK_SIZE];
	size_t position = 0;
	uint64_t slack;
	int r = 0;

	while (!r && hp_slack_next_left(t, &position, &slack))
		r = hp_slack_is_in_use(t, slack)
			    ? hp_target_error(t, "a system call that an earlier heapprof has made "
						 "in it has not returned; try again later")
			    : hp_system_call_write(host, slack, zeroes, sizeof(zeroes));
	return r;
}

bool hp_leftovers_exist(struct hp_target *t)
{
	return hp_thread_has_left(t) || hp_patches_have_left(t) || hp_memory_file_is_left(t) ||
	       is_stub_left(t);
}

static int remove_all(struct hp_target *t, struct hp_stop *stop, struct hp_system_call_host *host)
{
	int r = hp_thread_clean(t, stop, host);

	if (!r)
		r = hp_memory_file_clean(t, host);
	if (!r)
		r = hp_patches_clean(t, host);
	return r ? r : clear_stubs(t, host);
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
