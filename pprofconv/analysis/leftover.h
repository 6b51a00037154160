/* SPDX-License-Identifier: MIT */
/* A leftover is a heap of which the program has freed nearly all, as many do at their end: whatever
 * it leaked or piled up at work, it holds the same few bytes, so no comparison sees a difference.
 *
 * The rule: 1 MiB or more was allocated; less than a hundredth of it is in use, and no more than
 * 256 KiB and two samples; and all that the profile tells of why it was written is: at exit. */
#pragma once
#include <stdbool.h>

#include "model/profile.h"

struct leftover {
	double inuse, allocated; /* bytes */
	bool is_leftover;        /* by the rule; false where the profile lacks one of both */
	bool is_at_work;         /* it tells a reason, and that is not the exit alone */
};

struct leftover leftover_find(const struct profile *profile);
