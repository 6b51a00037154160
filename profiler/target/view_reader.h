/* SPDX-License-Identifier: MIT */
/* Finds the view (base/view.h) in a target's memory, and looks up rows in it. */
#pragma once
#include "base/view.h"
#include "target/target.h"

struct hp_view_reader {
	struct hp_view_row *rows; /* sorted by name; addresses are the target's */
	size_t n_rows;
	uint64_t address; /* of the view */
	char release[24]; /* of the heapprof that wrote it; printable */
};

/* Finds the view and reads all of it. Where there are several, as of two copies of the library, it
 * is the one that records, else the first. 0 or HP_TARGET_E. */
int hp_view_reader_init(struct hp_view_reader *view, struct hp_target *t);
void hp_view_reader_deinit(struct hp_view_reader *view);

/* NULL if there is none of that name. */
const struct hp_view_row *hp_view_reader_find(const struct hp_view_reader *view, const char *name);
