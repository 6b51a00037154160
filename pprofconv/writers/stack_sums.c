/* SPDX-License-Identifier: MIT */
#include "writers/stack_sums.h"

#include <assert.h>

static void add_values(struct stack_sums *sums, int64_t *to, const int64_t *values)
{
	for (size_t i = 0; i < sums->frames.profile->sample_types.n; i++)
		if (__builtin_add_overflow(to[i], values[i], &to[i]))
			to[i] = values[i] > 0 ? INT64_MAX : INT64_MIN;
}

/* Adds a stack without a value. `leaf_first` is room for its functions. */
static int add_stack(struct stack_sums *sums, uint32_t number, frame_vec *leaf_first)
{
	struct stack_sum stack = {.first = sums->functions.n, .row = (uint32_t)sums->stacks.n};
	int r = frames_of_stack(&sums->frames, number, leaf_first);

	r = r ? r : vec_reserve(&sums->functions, leaf_first->n);
	for (size_t i = leaf_first->n; !r && i > 0; i--)
		sums->functions.items[sums->functions.n++] = leaf_first->items[i - 1];
	stack.n = (uint32_t)leaf_first->n;
	for (size_t i = 0; !r && i < sums->frames.profile->sample_types.n; i++)
		r = vec_push(&sums->values, 0);
	return r ? r : vec_push(&sums->stacks, stack);
}

static int add_samples(struct stack_sums *sums, frame_vec *rows, frame_vec *leaf_first)
{
	const struct profile *profile = sums->frames.profile;
	int r = 0;

	for (size_t i = 0; !r && i < profile->stacks.n; i++)
		r = vec_push(rows, PROFILE_NONE);
	for (size_t i = 0; !r && i < profile->samples.n; i++) {
		uint32_t stack = profile->samples.items[i].stack;

		assert(stack < rows->n);
		if (rows->items[stack] == PROFILE_NONE) {
			rows->items[stack] = (uint32_t)sums->stacks.n;
			r = add_stack(sums, stack, leaf_first);
		}
		if (!r)
			add_values(sums,
				   stack_sums_values(sums, &sums->stacks.items[rows->items[stack]]),
				   profile_values(profile, i));
	}
	return r;
}

/* Compares by the frames from the root on; a caller comes before what it calls. */
static int compare_frames(const struct stack_sums *sums, const struct stack_sum *a,
			  const struct stack_sum *b)
{
	const uint32_t *left = stack_sums_functions(sums, a);
	const uint32_t *right = stack_sums_functions(sums, b);

	for (size_t i = 0; i < a->n && i < b->n; i++)
		if (left[i] != right[i])
			return left[i] < right[i] ? -1 : 1;
	return a->n < b->n ? -1 : a->n > b->n;
}

static int compare(const void *left, const void *right, void *context)
{
	const struct stack_sum *a = left, *b = right;
	int by = compare_frames(context, a, b);

	return by ? by : a->row < b->row ? -1 : a->row > b->row;
}

/* Makes one of equal neighbours. Stacks of different addresses may have the same functions and
 * lines. */
static void join_equal(struct stack_sums *sums)
{
	struct stack_sum *items = sums->stacks.items;
	size_t n = 0;

	for (size_t i = 0; items && i < sums->stacks.n; i++) {
		struct stack_sum *stack = &items[i], *last = n ? &items[n - 1] : NULL;

		if (last && compare_frames(sums, last, stack) == 0)
			add_values(sums, stack_sums_values(sums, last),
				   stack_sums_values(sums, stack));
		else
			items[n++] = *stack;
	}
	sums->stacks.n = n;
}

int stack_sums_init(struct stack_sums *sums, const struct profile *profile)
{
	frame_vec rows = {0}, leaf_first = {0};
	int r;

	*sums = (struct stack_sums){0};
	r = frames_init_view(&sums->frames, profile, &(struct frames_view){.by = FRAMES_BY_LINE});
	if (!r)
		r = add_samples(sums, &rows, &leaf_first);
	if (!r && sums->stacks.n)
		qsort_r(sums->stacks.items, sums->stacks.n, sizeof(*sums->stacks.items), compare,
			sums);
	if (!r)
		join_equal(sums);
	vec_deinit(&rows);
	vec_deinit(&leaf_first);
	return r;
}

void stack_sums_deinit(struct stack_sums *sums)
{
	frames_deinit(&sums->frames);
	vec_deinit(&sums->functions);
	vec_deinit(&sums->stacks);
	vec_deinit(&sums->values);
}
