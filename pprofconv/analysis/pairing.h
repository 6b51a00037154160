/* SPDX-License-Identifier: MIT */
/* A pairing is two profiles that are to be compared. This checks by their metadata whether they
 * match. */
#pragma once
#include <stdbool.h>

#include "model/profile.h"

/* Whether both are dumps of one run, and `new` is the earlier one: by their numbers, else by their
 * times. */
bool pairing_is_reversed(const struct profile *base, const struct profile *new);

/* Returns the name of the program of the profile, without its folder, which may differ from build
 * to build; NULL if it is unknown, or if the profile was merged of several programs. Belongs to the
 * profile. */
const char *pairing_program(const struct profile *profile);
