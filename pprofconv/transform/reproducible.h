/* SPDX-License-Identifier: MIT */
/* A reproducible profile is the same for two runs of one program that did the same. This removes
 * what differs between them: addresses that the loader chose, process IDs, times. */
#pragma once
#include "model/profile.h"

/* Changes the profile, and returns a canonical copy, which the caller frees, or NULL if memory is
 * out or a value has no room in 64 bits. Counts that were kept as sampled become estimates in
 * canonical order, with rounding errors carried from one to the next. Mappings are placed one after
 * the other. Only metadata that the program and its sampling determine is kept. */
struct profile *reproducible_copy(struct profile *profile);
