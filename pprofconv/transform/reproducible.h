/* SPDX-License-Identifier: MIT */
/* A reproducible profile is the same for two runs of one program that did the same work. Everything
 * else that differs between the runs is removed: addresses that the loader chose, process IDs,
 * times. */
#pragma once
#include "model/profile.h"

/* Makes the profile reproducible and returns a canonical copy, which the caller frees. Returns NULL
 * if memory is out or a value exceeds 64 bits. The profile itself is changed. Mappings are placed
 * one after the other, and only metadata that the program and its sampling determine are kept.
 * Counts that were kept as sampled become estimates, in canonical order; the rounding error of each
 * is carried to the next. */
struct profile *reproducible_copy(struct profile *profile);
