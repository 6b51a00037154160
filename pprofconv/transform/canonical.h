/* SPDX-License-Identifier: MIT */
/* A canonical profile has its parts in an order that depends only on their content.
 * canonical_copy() makes a canonical copy of any profile. */
#pragma once
#include <stdint.h>

#include "model/profile.h"

/* Compares two mappings by file and build ID, then by the part of the file that is mapped. Mappings
 * without a file come last. */
int canonical_compare_files(const struct profile *profile, uint32_t left, uint32_t right);

/* Returns the size of a mapping in pages, rounded up. In two processes, mappings of the same file
 * may end at different bytes of the last page. */
uint64_t canonical_size_in_pages(const struct profile_mapping *mapping);

/* Returns a sorted copy, which the caller frees, or NULL if memory is out. `program` is the number
 * of the mapping that is sorted first, or PROFILE_NONE. In `profile`, the address of a location in
 * a mapping must count from the start of the mapping; in the copy it counts from 0. Unknown fields
 * are left out. */
struct profile *canonical_copy(const struct profile *profile, uint32_t program);
