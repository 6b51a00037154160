/* SPDX-License-Identifier: MIT */
/* What each function holds: itself (flat), and with all that it called (cumulative). */
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
	int64_t absolute; /* the same with all values taken as positive: what percentages are of */
};

/* Sums the values of one place of each sample. Order is by cumulative values if `by_cumulative`,
 * else by flat ones; equal ones by the other, then by name. 0, -ENOMEM, or -EOVERFLOW. */
int top_init(struct top *top, const struct frames *frames, size_t value, bool by_cumulative);
void top_deinit(struct top *top);

/* What to call a row: its function's name, or PROFILE_NO_STACK. */
const char *top_name(const struct frames *frames, const struct top_row *row);
const char *top_file(const struct frames *frames, const struct top_row *row);
