/* SPDX-License-Identifier: MIT */
/* The child is the program that `heapprof run` starts. It runs as if the shell had started it: in
 * the same process group, with the same descriptors, signal mask and dispositions. */
#pragma once
#include <sys/types.h>

struct child_events { /* what else is done while the program runs */
	int fd;       /* readable when there is something to do; -1: there never is */
	/* Both get the context. `started` is called once the program runs, `ready` when the
	 * descriptor is readable; a signal waits as long as it takes. */
	void (*started)(void *context, pid_t child);
	void (*ready)(void *context);
	void *context;
};

/* Starts the program as execvp(3) does, after `prepare(context)` has run in the child, and waits
 * until it ends. Meanwhile all signals that are sent to this process alone are passed on, and when
 * the child is stopped by its terminal this process stops as well. Stores the child's status as
 * waitpid(2) does. Returns 0, or a negative errno if the program could not be started. */
int child_run(char **argv, void (*prepare)(const void *context), const void *context,
	      const struct child_events *events, int *out_status);

/* Ends this process by the signal that ended the child, or returns the child's exit status. */
int child_pass_on(int status);
