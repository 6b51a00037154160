/* SPDX-License-Identifier: MIT */
/* A leak report lists what a process has lost, stack by stack, in the form of LeakSanitizer's
 * reports, which reader_lsan reads. */
#pragma once
#include <stdint.h>
#include <stdio.h>

#include "model/profile.h"
#include "transform/suppressions.h"

struct leak_report {
	/* Has the types leaked_objects and leaked_space, and only samples that are lost; each has
	 * the label `leak`, which is `direct` or `indirect`. */
	const struct profile *profile;
	int process;
	const char *note;                        /* a line before the leaks, or NULL */
	const struct suppressions *suppressions; /* may be NULL */
};

struct leak_sums {
	int64_t objects, bytes;                       /* reported */
	int64_t suppressed_objects, suppressed_bytes; /* left out */
};

/* Prints the leaks that no suppression matches, the direct ones first, the largest first; nothing
 * if there are none. Sets *out to the sums. Returns 0 or -ENOMEM. */
int leak_report_print(const struct leak_report *report, FILE *stream, struct leak_sums *out);
