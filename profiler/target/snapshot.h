/* SPDX-License-Identifier: MIT */
/* What a dump of the target would hold at this moment, as text. */
#pragma once
#include "target/target.h"

struct hp_snapshot_counts { /* of one reading, for tests and figures */
	size_t n_records, n_read_again, n_taken_as_they_were, n_attempts;
};

/* Reads the profiler's tables and prints them: the caller frees *out_text. `out_counts` may be
 * NULL. 0 or HP_TARGET_E. */
int hp_snapshot_dump(struct hp_target *t, char **out_text, size_t *out_size,
		     struct hp_snapshot_counts *out_counts);
