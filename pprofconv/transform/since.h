/* SPDX-License-Identifier: MIT */
/* What happened since an older dump of a run, as servers that collect profiles take it: each
 * profile that they get adds to the ones before. */
#pragma once
#include "base/diag.h"
#include "model/profile.h"

/* Returns whether a sample type counts from the start of the program on. */
bool since_is_cumulative(const char *type);

struct since {
	struct profile *profile; /* the caller frees it */
	int64_t n_negative;      /* values that came out below 0, and are 0 in the profile */
};

/* Makes a profile of two dumps of one run, which have times. Values that count from the start of
 * the program on are differences; those in use are the newer dump's. The time is the newer dump's,
 * the duration the time between the two. Samples have no labels for sizes of blocks and levels:
 * the two dumps may have different ones for the same stack. Samples without a value are left out,
 * and so are locations, functions and mappings without a sample; the program's own mapping stays.
 * Returns 0; MERGE_E_MISMATCH with a message if the dumps have different sample types; -ENOMEM or
 * -EOVERFLOW. */
int since_make(const struct profile *newer, const struct profile *older, struct since *out,
	       struct diag *diag);
