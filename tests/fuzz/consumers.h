/* SPDX-License-Identifier: MIT */
/* Consumers do what the program does with a profile. Each fuzz target that reads one calls
 * these. */
#pragma once
#include "model/profile.h"
#include "target.h"

/* Returns the profile in these bytes, or NULL if there is none. Recognizes the format by content if
 * `reader` is NULL. */
struct profile *consume_bytes(const char *reader, const uint8_t *data, size_t size);

/* Writes the profile in every format, makes it reproducible, merges it with itself, and counts its
 * functions. */
void consume_profile(struct profile *profile);
