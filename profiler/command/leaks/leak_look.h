/* SPDX-License-Identifier: MIT */
/* A leak look finds what a process has lost: the recorded blocks to which no pointer leads. The
 * process is stopped meanwhile. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

#include "base/diag.h"
#include "cli/command.h"
#include "model/profile.h"

struct leak_look {
	/* With the types leaked_objects and leaked_space and the label `leak`, which is `direct` or
	 * `indirect`; its locations have names. */
	struct profile *profile;
	char problem[256]; /* why blocks that are not recorded are not known, or "" */
};

/* Looks at a process. Returns 0, or a failure whose message is in `diag`: -EPERM if the kernel does
 * not let this process read it. Call leak_look_deinit() on failure, too. */
int leak_look_init(struct leak_look *look, pid_t pid, const struct settings *settings,
		   struct diag *diag);
void leak_look_deinit(struct leak_look *look);
