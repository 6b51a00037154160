/* SPDX-License-Identifier: MIT */
/* What the program does with a profile that was read: each fuzz target that reads one goes on with
 * these. */
#pragma once
#include "model/profile.h"
#include "target.h"

/* The profile in these bytes, by content if `reader` is NULL; NULL if they are none. */
struct profile *consume_bytes(const char *reader, const uint8_t *data, size_t size);

/* Writes it in every format; makes it reproducible, merges it with itself, counts its functions. */
void consume_profile(struct profile *profile);
