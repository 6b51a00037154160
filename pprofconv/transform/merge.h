/* SPDX-License-Identifier: MIT */
/* A merge is the sum of many profiles, such as those of a fleet or a test suite. It is the same for
 * any order and grouping of the inputs:
 *
 * - equal samples add up; mappings of one file are one, wherever each process had it, and addresses
 *   move with them;
 * - the time is the earliest, durations add up, the period is the largest, comments are all kept;
 * - everything is sorted by its content.
 *
 * Unknown fields are not kept: they may refer to parts that have moved. */
#pragma once
#include "base/diag.h"
#include "model/profile.h"
#include "transform/copy_between.h"

enum {
	MERGE_E_MISMATCH = 32, /* the profiles have different sample or period types */
};

struct merge;

/* Returns NULL if memory is out. */
struct merge *merge_new(void);

/* Takes NULL. */
void merge_free(struct merge *merge);
DEFINE_CLEANUP(struct merge *, merge_free)

/* Adds a profile, which can be freed afterwards. Returns 0; MERGE_E_MISMATCH with a message if its
 * sample or period types differ from those of the profiles before it; -ENOMEM or -EOVERFLOW. */
int merge_add(struct merge *merge, const struct profile *profile, struct diag *diag);

/* The same, with a change to the samples; NULL: no change. */
int merge_add_changed(struct merge *merge, const struct profile *profile,
		      const struct copy_between_change *change, struct diag *diag);

/* Returns the sum, which the caller frees, or NULL if memory is out. */
struct profile *merge_finish(struct merge *merge);
