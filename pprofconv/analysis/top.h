/* SPDX-License-Identifier: MIT */
/* A top list is what each function holds: by itself (flat), and with all that it called
 * (cumulative). */
#pragma once
#include <stdint.h>

#include "transform/frames.h"

struct top_row {
	uint32_t function; /* of the frames; PROFILE_NONE: of stacks whose frames are all hidden */
	int64_t flat;
	int64_t cumulative;
};

struct top {
	VEC(struct top_row) rows; /* only those that hold anything; the farthest from 0 first */
	int64_t total;
	int64_t absolute; /* the sum of absolute values, which percentages are of */
};

/* Sums the values of the sample type with the index `value`. Rows are sorted by cumulative values
 * if `by_cumulative`, else by flat ones; equal rows by the other value, then by name. Returns 0,
 * -ENOMEM, or -EOVERFLOW. */
int top_init(struct top *top, const struct frames *frames, size_t value, bool by_cumulative);
void top_deinit(struct top *top);

/* Returns the name of a row: that of its function, or PROFILE_NO_STACK. */
const char *top_name(const struct frames *frames, const struct top_row *row);
const char *top_file(const struct frames *frames, const struct top_row *row);
