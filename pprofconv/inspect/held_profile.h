/* SPDX-License-Identifier: MIT */
/* A held profile is a heap record as a profile: the blocks in use, by stack, with the labels
 * `held_by`, the root that holds them, or `lost`, which is directly or indirectly. */
#pragma once
#include "inspect/holders.h"
#include "inspect/stack_labels.h"
#include "model/profile.h"

/* Returns the profile in *out, with the names and metadata of `from`, whose stacks `labels` has.
 * `groups` are the names of the groups of roots. Returns 0, -ENOMEM or -EOVERFLOW. The caller frees
 * *out in either case. */
int held_profile_new(struct profile **out, const struct profile *from,
		     const struct heap_record *record, const struct holders *holders,
		     const struct stack_labels *labels, const char *const *groups);
