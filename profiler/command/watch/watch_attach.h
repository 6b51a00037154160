/* SPDX-License-Identifier: MIT */
/* `heapprof watch --attach` attaches to the processes that it finds, and detaches from them at its
 * end. A process that has just started may not have its allocator yet: it is tried again. */
#pragma once
#include <stdbool.h>

#include "base/vec.h"
#include "command/find_target.h"

struct watch_attached { /* a process that was tried */
	pid_t pid;
	uint64_t start_ticks; /* a later process of that ID has others */
	unsigned n_tries;
	bool is_ours;     /* we have attached to it */
	bool is_given_up; /* that was said */
};

struct watch_attach {
	bool is_asked_for;
	bool is_quiet;
	VEC(struct watch_attached) items;
};

/* Attaches to a process, unless it has the library already. Returns whether it may be watched now.
 * If not, it is tried again when it is found again, and after `patience` of these the reason is
 * printed. */
bool watch_attach_to(struct watch_attach *attach, const struct found_target *target,
		     unsigned patience);

/* Detaches from all that run. */
void watch_attach_end(struct watch_attach *attach);
