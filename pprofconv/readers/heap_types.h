/* SPDX-License-Identifier: MIT */
/* Heap types are the sample types of a heap profile: pairs of a number of blocks and their bytes,
 * such as inuse_objects and inuse_space. */
#pragma once
#include "model/profile.h"

/* Adds the sample types WHAT_objects and WHAT_space, and returns the index of the first. The second
 * becomes the profile's default. */
size_t heap_types_add(struct profile *profile, const char *what);

/* Says that every allocation was recorded, and makes the profile drop frames of allocators. */
void heap_types_set_exact(struct profile *profile);

/* Makes the profile drop functions that only pass a request to the allocator, and the allocators'
 * own functions. */
void heap_types_drop_allocators(struct profile *profile);
