/* SPDX-License-Identifier: MIT */
/* What each function holds: itself (flat), and with all that it called (cumulative). */
#pragma once
#include <stdint.h>

#include "analysis/frames.h"

struct top_row {
	uint32_t function; /* of the frames */
	int64_t flat;
	int64_t cumulative;
};

struct top {
	VEC(struct top_row) rows; /* only those that hold anything; the largest first */
	int64_t total;
};

/* Sums the values of one place of each sample. Order is by cumulative values if `by_cumulative`,
 * else by flat ones; equal ones by the other, then by name. 0, -ENOMEM, or -EOVERFLOW. */
int top_init(struct top *top, const struct frames *frames, size_t value, bool by_cumulative);
void top_deinit(struct top *top);
