/* SPDX-License-Identifier: MIT */
/* One profile out of many: a fleet's, a test suite's. What is put in may come in any order and
 * grouping, what comes out is the same:
 *
 * - equal samples add up; mappings of one file are one, wherever each process had it, and addresses
 *   move with them;
 * - time is the earliest, durations add up, the period is the largest, comments are all there are;
 * - everything is sorted by what it holds.
 *
 * Fields without a name to us are not kept: they may refer to what has moved. */
#pragma once
#include "base/diag.h"
#include "model/profile.h"
#include "transform/copy_between.h"

enum {
	MERGE_E_MISMATCH = 32, /* the profiles count different things */
};

struct merge;

/* NULL if memory is out. */
struct merge *merge_new(void);

/* Takes NULL. */
void merge_free(struct merge *merge);
DEFINE_CLEANUP(struct merge *, merge_free)

/* Adds a profile, which can be freed afterwards. 0; MERGE_E_MISMATCH with a message if its sample
 * or period types differ from those of the profiles before it; -ENOMEM or -EOVERFLOW. */
int merge_add(struct merge *merge, const struct profile *profile, struct diag *diag);

/* As merge_add(); NULL changes nothing. */
int merge_add_changed(struct merge *merge, const struct profile *profile,
		      const struct copy_between_change *change, struct diag *diag);

/* The sum of all, which the caller frees; NULL if memory is out. */
struct profile *merge_finish(struct merge *merge);
