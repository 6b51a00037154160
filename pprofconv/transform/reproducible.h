/* SPDX-License-Identifier: MIT */
/* Takes out of a profile what differs between two runs of one program that did the same: where the
 * loader put things, process numbers, times. */
#pragma once
#include "model/profile.h"

/* Changes the profile and returns a copy in an order that hangs on nothing but content, which the
 * caller frees; NULL if memory is out. Counts that were kept as sampled become estimates in that
 * order: what rounding leaves over is carried from one to the next. Mappings lie one behind the
 * other; of the metadata, only what the program and its sampling determine stays. */
struct profile *reproducible_copy(struct profile *profile);
