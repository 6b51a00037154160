/* SPDX-License-Identifier: MIT */
/* A leftover is a heap of which the program has freed nearly all, as many do at their end. Whatever
 * the program leaked or piled up at work, a leftover holds the same few bytes, so no comparison
 * sees a difference.
 *
 * The rule: 1 MiB or more was allocated; less than a hundredth of it is in use, and no more than
 * 256 KiB and two samples; and the profile gives no reason for its dumps other than the exit. */
#pragma once
#include <stdbool.h>

#include "model/profile.h"

struct leftover {
	double inuse, allocated; /* bytes */
	bool is_leftover;        /* by the rule; false if the profile lacks either value */
	bool is_at_work;         /* the profile gives a reason other than the exit */
};

struct leftover leftover_find(const struct profile *profile);
