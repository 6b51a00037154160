/* SPDX-License-Identifier: MIT */
/* To thin a profile is to make of it what it would be at a larger sample interval: samples whose
 * level is below the interval are taken away, and the others count for more. */
#pragma once
#include "model/profile.h"

/* Returns whether every sample says its level, so that the profile can be thinned. Returns false
 * if the profile is merged from several, or was converted without estimates. */
bool thin_is_possible(const struct profile *profile);

/* Thins a profile, for which this must be possible, to `interval`, which must not be below its own.
 * The samples that are taken away stay in the profile, with values of 0. Failures are kept in the
 * profile's status. */
void thin_profile(struct profile *profile, int64_t interval);
