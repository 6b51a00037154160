/* SPDX-License-Identifier: MIT */
/* Does with a profile what pprofconv does with it. Each fuzz target that reads profiles calls these
 * functions. */
#pragma once
#include "model/profile.h"
#include "target.h"

/* Returns the profile in these bytes, or NULL if they contain none. If `reader` is NULL, recognizes
 * the format by content. The caller frees the profile. */
struct profile *consume_bytes(const char *reader, const uint8_t *data, size_t size);

/* Writes the profile in every format, makes it reproducible, merges it with itself, and counts its
 * functions. */
void consume_profile(struct profile *profile);
