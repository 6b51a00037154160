/* SPDX-License-Identifier: MIT */
/* The dumps of one run of a program whose sample interval rises have different intervals. A common
 * interval makes their samples comparable: a block that is in use in two dumps is then a sample in
 * both or in neither, and its error cancels in the difference. */
#pragma once
#include "model/profile.h"

/* If all `n` profiles are dumps of one run, and all that have a smaller interval than the largest
 * can be thinned, thins them to the largest. Otherwise does nothing: each profile is then estimated
 * at its own interval. Returns 0, or a negative errno; then the profiles are not usable. */
int common_interval_set(struct profile *const *profiles, size_t n);
