/* SPDX-License-Identifier: MIT */
/* A top list has a row for each function, with the value of the function itself (flat) and with its
 * value together with everything it called (cumulative). */
#pragma once
#include <stdint.h>

#include "analysis/estimate.h"
#include "transform/filter.h"
#include "transform/frames.h"

struct top_row {
	uint32_t function; /* number in the frames; PROFILE_NONE: stacks without a visible frame */
	int64_t flat;
	int64_t cumulative;
	struct estimate flat_estimate, cumulative_estimate; /* if the values are sampled */
};

struct top {
	VEC(struct top_row) rows; /* without rows that are 0; sorted as top_init() says */
	int64_t total;
	struct estimate total_estimate;
	struct sampling sampling; /* of the values */
	int64_t absolute; /* the sum of the absolute values; percentages are shares of this sum */
};

/* Sums the values of the sample type with the index `value`, of the samples that the filter keeps;
 * it may be NULL. Sorts the rows by cumulative values if
 * `by_cumulative`, otherwise by flat values, those farthest from 0 first. Rows with equal values
 * are sorted by their other value, then by name. Returns 0, -ENOMEM, or -EOVERFLOW. */
int top_init(struct top *top, const struct frames *frames, const struct filter *filter,
	     size_t value, bool by_cumulative);
void top_deinit(struct top *top);

/* Return the name and the file of the row's function. If the row has none, the name is
 * PROFILE_NO_STACK and the file is "". */
const char *top_name(const struct frames *frames, const struct top_row *row);
const char *top_file(const struct frames *frames, const struct top_row *row);
