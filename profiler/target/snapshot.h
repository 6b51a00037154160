/* SPDX-License-Identifier: MIT */
/* A snapshot is the text of the dump that a target could write at this moment. */
#pragma once
#include "target/target.h"

struct hp_snapshot_counts { /* of one snapshot, for tests */
	size_t n_records, n_read_again, n_taken_as_they_were, n_attempts;
};

/* Reads the profiler's tables in the target and prints them. The caller frees *out_text.
 * `out_counts` may be NULL. Returns 0 or HP_TARGET_E. */
int hp_snapshot_dump(struct hp_target *t, char **out_text, size_t *out_size,
		     struct hp_snapshot_counts *out_counts);
