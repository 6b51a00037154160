/* SPDX-License-Identifier: MIT */
/* Shared samples are the samples that two dumps of one run have in common: those of blocks that are
 * in use in both. Their number is computed record by record. Of the samples in use in the second
 * dump, those that were allocated between the dumps are new; the rest was in use in the first dump
 * too. */
#pragma once
#include <stdbool.h>

#include "base/vec.h"
#include "model/profile.h"

struct shared_samples {
	/* For each sample of the later profile: how many of the samples in it are shared. */
	VEC(double) n;
};

/* Returns the ID of the run of which the profile is a dump. Returns NULL if the profile has no such
 * ID, or if it was merged from several. The ID belongs to the profile. */
const char *shared_samples_run(const struct profile *profile);

/* Returns whether both profiles are dumps of one run of a program. Returns false if either was
 * merged from several runs, or if sample intervals differ, between them or within one of them. */
bool shared_samples_is_one_run(const struct profile *base, const struct profile *new);

/* Counts the samples that both profiles share. `base_value` and `new_value` are the indices of the
 * compared sample type. Returns 0 or -ENOMEM; call shared_samples_deinit() on failure too. */
int shared_samples_init(struct shared_samples *shared, const struct profile *base,
			size_t base_value, const struct profile *new, size_t new_value);
void shared_samples_deinit(struct shared_samples *shared);
