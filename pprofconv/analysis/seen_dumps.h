/* SPDX-License-Identifier: MIT */
/* Seen dumps are those that were added to a sum. A dump is known by its run, its number and its
 * time. These functions find out whether an input repeats one of them. */
#pragma once
#include "base/strtab.h"
#include "model/profile.h"

struct seen_dumps {               /* all zeroes: none yet */
	struct strtab keys;       /* "RUN" and "RUN NUMBER TIME" */
	VEC(const char *) inputs; /* for each key: the first input that has it */
};

struct seen_dumps_before { /* names of earlier inputs, or NULL */
	const char *same_dump;
	const char *same_run; /* another dump of a run */
};

/* Sets *out to the earlier inputs that an input repeats, and remembers the input, unless it is the
 * same dump. A merged profile names the runs that are not folded. `input` is its name, and must
 * outlive `seen`. Returns 0 or a negative errno; call seen_dumps_deinit() on failure too. */
int seen_dumps_add(struct seen_dumps *seen, const struct profile *profile, const char *input,
		   struct seen_dumps_before *out);

void seen_dumps_deinit(struct seen_dumps *seen);
