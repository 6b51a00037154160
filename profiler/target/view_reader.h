/* SPDX-License-Identifier: MIT */
/* A view reader finds the view (base/view.h) in a target's memory, and looks up its rows. */
#pragma once
#include "base/view.h"
#include "target/target.h"

struct hp_view_reader {
	struct hp_view_row *rows; /* sorted by name, with addresses in the target */
	size_t n_rows;
	uint64_t address; /* of the view */
	char release[24]; /* of the heapprof that wrote it; printable */
};

/* Finds the view and reads all its rows. If there are several views, as with two copies of the
 * library, takes the one whose session has recorded most, or else the first. Returns 0 or
 * HP_TARGET_E. */
int hp_view_reader_init(struct hp_view_reader *view, struct hp_target *t);
void hp_view_reader_deinit(struct hp_view_reader *view);

/* Returns the row, or NULL if there is none of that name. */
const struct hp_view_row *hp_view_reader_find(const struct hp_view_reader *view, const char *name);
