/* SPDX-License-Identifier: MIT */
/* Work on a target is what a command finds out about a process or a core. It runs in a child (see
 * apart.h) if the process is stopped for it, or if the target belongs to another user; the child
 * sends the result. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "target/apart.h"
#include "target/target.h"

struct target_work {
	int pid; /* 0: a core */
	int fd;  /* of a core */
	struct hp_apart_user user;
	bool is_apart;   /* runs in a child */
	bool is_stopped; /* the process is stopped, and let go by `read` or at its end */
	int waits_max;   /* as in struct hp_apart */
	/* Reads the target. Sets *out to bytes that target_work_run() frees, or returns. Returns 0
	 * or HP_TARGET_E. */
	int (*read)(struct hp_target *target, void *context, char **out, size_t *out_size);
	void *context;
};

/* Does the work, and closes the core's file. Sets *out_task to a thread of the process that has not
 * ended. The caller frees *out. Returns 0, or a failure whose message is in `diag`: -EPERM if the
 * kernel does not let this process read the target. */
int target_work_run(struct target_work *work, int *out_task, char **out, size_t *out_size,
		    struct diag *diag);
