/* SPDX-License-Identifier: MIT */
#include "analysis/top.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct summing {
	struct top *top;
	uint32_t no_stack; /* the number of the row for stacks without frames */
	const struct frames *frames;
	const struct filter *filter; /* NULL: none */
	VEC(uint32_t) seen_in;       /* for each function: 1 + the last sample that was counted */
	frame_vec stack;
};

static int add_value(int64_t *sum, int64_t value)
{
	return __builtin_add_overflow(*sum, value, sum) ? -EOVERFLOW : 0;
}

static int add_without_stack(struct summing *summing, int64_t value,
			     const struct estimate *estimate)
{
	struct top_row *row = &summing->top->rows.items[summing->no_stack];
	int r = add_value(&row->flat, value);

	estimate_add(&row->flat_estimate, estimate);
	estimate_add(&row->cumulative_estimate, estimate);
	return r ? r : add_value(&row->cumulative, value);
}

/* Adds the value of a sample to the functions of its stack. A function that is in the stack several
 * times counts once. */
static int add_sample(struct summing *summing, uint32_t sample, int64_t value)
{
	struct top *top = summing->top;
	struct estimate estimate = {0};
	int r = frames_of_sample(summing->frames, sample, &summing->stack);

	if (sampling_is_sampled(&top->sampling))
		estimate = sampling_estimate(&top->sampling, sample);
	estimate_add(&top->total_estimate, &estimate);
	if (!r)
		r = add_value(&summing->top->total, value);
	if (!r)
		r = value == INT64_MIN
			    ? -EOVERFLOW
			    : add_value(&summing->top->absolute, value < 0 ? -value : value);
	if (!r && !summing->stack.n)
		return add_without_stack(summing, value, &estimate);
	for (size_t i = 0; !r && i < summing->stack.n; i++) {
		uint32_t function = summing->stack.items[i];
		struct top_row *row = &summing->top->rows.items[function];

		if (i == 0) {
			r = add_value(&row->flat, value);
			estimate_add(&row->flat_estimate, &estimate);
		}
		if (!r && summing->seen_in.items[function] != sample + 1) {
			r = add_value(&row->cumulative, value);
			estimate_add(&row->cumulative_estimate, &estimate);
		}
		summing->seen_in.items[function] = sample + 1;
	}
	return r;
}

static int sum_samples(struct summing *summing, size_t value)
{
	const struct profile *profile = summing->frames->profile;
	int r = 0;

	for (uint32_t i = 0; !r && i < summing->frames->functions.n; i++) {
		r = vec_push(&summing->top->rows, (struct top_row){.function = i});
		r = r ? r : vec_push(&summing->seen_in, 0);
		if (strcmp(frames_name(summing->frames, i), PROFILE_NO_STACK) == 0)
			summing->no_stack = i;
	}
	if (!r && summing->no_stack == PROFILE_NONE) {
		summing->no_stack = (uint32_t)summing->top->rows.n;
		r = vec_push(&summing->top->rows, (struct top_row){.function = PROFILE_NONE});
	}
	for (uint32_t i = 0; !r && i < profile->samples.n; i++)
		if (!summing->filter || filter_judge(summing->filter, i) == FILTER_KEPT)
			r = add_sample(summing, i, profile_values(profile, i)[value]);
	return r;
}

static void drop_empty_rows(struct top *top)
{
	size_t n = 0;

	vec_foreach (row, &top->rows)
		if (row->flat || row->cumulative)
			top->rows.items[n++] = *row;
	top->rows.n = n;
}

const char *top_name(const struct frames *frames, const struct top_row *row)
{
	return row->function == PROFILE_NONE ? PROFILE_NO_STACK
					     : frames_name(frames, row->function);
}

const char *top_file(const struct frames *frames, const struct top_row *row)
{
	return row->function == PROFILE_NONE ? "" : frames_file(frames, row->function);
}

struct order {
	const struct frames *frames;
	bool by_cumulative;
};

/* Compares by magnitude, the larger first. Of two values that differ only in sign, the positive one
 * comes first. */
static int compare_values(int64_t a, int64_t b)
{
	uint64_t a_size = a < 0 ? -(uint64_t)a : (uint64_t)a;
	uint64_t b_size = b < 0 ? -(uint64_t)b : (uint64_t)b;

	if (a_size != b_size)
		return a_size > b_size ? -1 : 1;
	return a > b ? -1 : a < b;
}

static int compare_top_rows(const void *left, const void *right, void *context)
{
	const struct top_row *a = left, *b = right;
	const struct order *order = context;
	int flat = compare_values(a->flat, b->flat);
	int cumulative = compare_values(a->cumulative, b->cumulative);
	int first = order->by_cumulative ? cumulative : flat;
	int second = order->by_cumulative ? flat : cumulative;

	if (first || second)
		return first ? first : second;
	first = strcmp(top_name(order->frames, a), top_name(order->frames, b));
	return first ? first : strcmp(top_file(order->frames, a), top_file(order->frames, b));
}

int top_init(struct top *top, const struct frames *frames, const struct filter *filter,
	     size_t value, bool by_cumulative)
{
	struct summing summing = {
		.top = top, .no_stack = PROFILE_NONE, .frames = frames, .filter = filter};
	struct order order = {frames, by_cumulative};
	int r;

	*top = (struct top){0};
	sampling_init(&top->sampling, frames->profile, value);
	r = sum_samples(&summing, value);
	vec_deinit(&summing.seen_in);
	vec_deinit(&summing.stack);
	drop_empty_rows(top);
	if (!r && top->rows.n)
		qsort_r(top->rows.items, top->rows.n, sizeof(*top->rows.items), compare_top_rows,
			&order);
	return r;
}

void top_deinit(struct top *top)
{
	vec_deinit(&top->rows);
}
