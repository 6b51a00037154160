/* SPDX-License-Identifier: MIT */
/* A profile in an order that hangs on nothing but content. */
#pragma once
#include <stdint.h>

#include "model/profile.h"

/* Compares two mappings by the file that they are of, then by which part of it; what has no file
 * comes last. */
int canonical_compare_files(const struct profile *profile, uint32_t left, uint32_t right);

/* How many pages a mapping takes; the same file may end at different bytes of the last one. */
uint64_t canonical_size_in_pages(const struct profile_mapping *mapping);

/* A copy with everything sorted, which the caller frees; NULL if memory is out. `program` is the
 * number of the mapping that stays first, or PROFILE_NONE. Addresses in a mapping are counted from
 * its start in `profile`, and from 0 in the copy. */
struct profile *canonical_copy(const struct profile *profile, uint32_t program);
