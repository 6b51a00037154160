/* SPDX-License-Identifier: MIT */
/* A merge is the sum of many profiles, such as those of a fleet or a test suite. The sum is the
 * same for any order and grouping of the inputs:
 *
 * - equal samples are added up; mappings of the same file become one mapping, even if processes had
 *   the file at different addresses, and the addresses of locations move with it;
 * - the time is the earliest, and durations are added up;
 * - each comment is kept once, and many comments are folded (see model/merged_metadata.h);
 * - the period is the largest; a sample with a smaller sample interval has it as a label, and so
 *   keeps its error. Profiles that don't give their interval are taken to have the largest;
 * - the levels of samples are left out: they serve to compare dumps of one run;
 * - everything is sorted by content.
 *
 * Unknown fields are left out, because they may refer to parts that have other numbers now. */
#pragma once
#include "base/diag.h"
#include "model/profile.h"
#include "transform/copy_between.h"

enum {
	MERGE_E_MISMATCH = 32, /* the profiles have different sample or period types */
};

struct merge;

/* Returns a merge, which the caller frees, or NULL if memory is out. */
struct merge *merge_new(void);

/* Frees a merge; `merge` may be NULL. */
void merge_free(struct merge *merge);
DEFINE_CLEANUP(struct merge *, merge_free)

/* Adds a profile, which the caller may free afterwards. Returns 0; MERGE_E_MISMATCH with a message
 * if the sample or period types differ from those of the profiles added before; -ENOMEM or
 * -EOVERFLOW. */
int merge_add(struct merge *merge, const struct profile *profile, struct diag *diag);

/* Same as merge_add(), but applies `change` to the samples while they are copied; NULL: no
 * change. */
int merge_add_changed(struct merge *merge, const struct profile *profile,
		      const struct copy_between_change *change, struct diag *diag);

/* Returns the sum, which the caller frees, or NULL if memory is out. */
struct profile *merge_finish(struct merge *merge);
