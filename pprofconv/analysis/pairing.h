/* SPDX-License-Identifier: MIT */
/* A pairing is two profiles that are to be compared. These functions use the profiles' metadata to
 * find out whether a comparison makes sense. */
#pragma once
#include <stdbool.h>

#include "model/profile.h"

/* Returns whether both profiles are dumps of one run and `new` is the earlier dump. The numbers of
 * the dumps decide, or their times if a number is missing. */
bool pairing_is_reversed(const struct profile *base, const struct profile *new);

/* Returns the name of the profile's program, without its folder, which may differ between builds.
 * Returns NULL if the program is unknown, or if the profile was merged from dumps of several
 * programs. The name belongs to the profile. */
const char *pairing_program(const struct profile *profile);
