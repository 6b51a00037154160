/* SPDX-License-Identifier: MIT */
#include "inject/host.h"
#include <string.h>
#include <time.h>

enum {
	SEARCHES_MAX = 3000,
	NAP_NS = 200000,
	ERRORS_MAX = 4096,
};

static int find_thread(struct hp_target *t, const struct hp_stop *stop)
{
	struct hp_stop_thread thread;

	for (size_t i = 0; hp_stop_thread_at(stop, i, &thread); i++)
		if (thread.can_go_on && hp_system_call_can_host(t, thread.id))
			return thread.id;
	return 0;
}

/* Naps for different times, so as not to be in step with the program. */
static void nap(int i)
{
	const struct timespec time = {.tv_nsec = NAP_NS + i * 37217L % (2 * NAP_NS)};

	nanosleep(&time, NULL);
}

int hp_host_begin(struct hp_target *t, struct hp_stop **stop, bool (*is_good)(void *context),
		  void *context, const char *failure, struct hp_system_call_host **out)
{
	int r = *stop ? hp_stop_again(*stop) : hp_stop_begin(t, stop);

	*out = NULL;
	for (int i = 0; !r && i < SEARCHES_MAX; i++) {
		int thread = find_thread(t, *stop);

		if (thread && (!is_good || is_good(context))) {
			r = hp_system_call_begin(t, thread, out);
			if (r)
				hp_stop_let_go(*stop);
			return r;
		}
		hp_stop_let_go(*stop);
		nap(i);
		r = hp_stop_again(*stop);
	}
	if (r)
		return r;
	hp_stop_let_go(*stop);
	return hp_target_error(t, "%s", failure);
}

void hp_host_end(struct hp_stop *stop, struct hp_system_call_host **host)
{
	hp_system_call_end(*host);
	*host = NULL;
	if (stop)
		hp_stop_let_go(stop);
}

int hp_host_call(struct hp_target *t, struct hp_system_call_host *host, const char *name,
		 const struct hp_stub_call *call, int64_t *out_result)
{
	int r = hp_system_call(host, call, out_result);

	if (!r && *out_result < 0 && *out_result > -ERRORS_MAX)
		return hp_target_error(t, "%s fails in it: %s", name, strerror((int)-*out_result));
	return r;
}
