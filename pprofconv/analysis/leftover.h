/* SPDX-License-Identifier: MIT */
/* A leftover is a heap of which the program has freed nearly all, as many programs do at their end.
 * A leftover holds the same few bytes no matter how much the program leaked or accumulated while it
 * ran, so a comparison of leftovers shows no difference.
 *
 * The rule: 1 MiB or more was allocated; less than a hundredth of it is in use, and no more than
 * 256 KiB plus two sample intervals; and the profile gives no reason for its dumps other than the
 * exit. */
#pragma once
#include <stdbool.h>

#include "model/profile.h"

struct leftover {
	double inuse, allocated; /* bytes */
	bool is_leftover; /* whether the rule applies; false if the profile lacks either value */
	bool is_at_work;  /* the profile gives a reason for a dump other than the exit */
};

/* Sums the values of a profile and applies the rule. */
struct leftover leftover_find(const struct profile *profile);
