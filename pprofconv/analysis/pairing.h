/* SPDX-License-Identifier: MIT */
/* Whether two profiles are a pair to be compared, by what they tell of themselves. */
#pragma once
#include <stdbool.h>

#include "model/profile.h"

/* Whether both are dumps of one run, and `new` is the earlier one: by their numbers, else by their
 * times. */
bool pairing_is_reversed(const struct profile *base, const struct profile *new);

/* The name of the program that the profile is of, without its folder, which may differ from build
 * to build. NULL if it does not tell, or was merged of several programs. Belongs to the profile. */
const char *pairing_program(const struct profile *profile);
