/* SPDX-License-Identifier: MIT */
/* Shared samples are those that two dumps of one run have in common: the samples of blocks that are
 * in use in both. Their number follows, record by record, from how many were allocated between the
 * dumps: the rest of what is in use in the second was there in the first. */
#pragma once
#include <stdbool.h>

#include "base/vec.h"
#include "model/profile.h"

struct shared_samples {
	VEC(double) n; /* for each sample of the later profile: how many samples of it are shared */
};

/* Returns the ID of the run that the profile is a dump of, or NULL if it has none, or was merged of
 * several. Belongs to the profile. */
const char *shared_samples_run(const struct profile *profile);

/* Whether both profiles are dumps of one run of a program; merged ones of several runs are not. */
bool shared_samples_is_one_run(const struct profile *base, const struct profile *new);

/* Counts shared samples of the sample types with these indices. Returns 0 or -ENOMEM; call
 * shared_samples_deinit() on failure too. */
int shared_samples_init(struct shared_samples *shared, const struct profile *base,
			size_t base_value, const struct profile *new, size_t new_value);
void shared_samples_deinit(struct shared_samples *shared);
