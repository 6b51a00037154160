/* SPDX-License-Identifier: MIT */
/* Stack sums are the stacks of a profile as viewers draw them: root first, a frame for each
 * function and line, and one stack for all samples that look the same, with the sums of their
 * values. They are sorted by their frames from the root on, so stacks with common callers are
 * neighbours. */
#pragma once
#include "transform/frames.h"

struct stack_sum {
	size_t first; /* of its frames, in stack_sums.functions */
	uint32_t n;   /* of its frames */
	uint32_t row; /* of its values: those from row * sample_types.n on */
};

struct stack_sums {
	struct frames frames; /* by line */
	frame_vec functions;  /* of all stacks, each from the root on: numbers in `frames` */
	VEC(struct stack_sum) stacks;
	VEC(int64_t) values; /* a sum that exceeds 64 bits is the largest or least number */
};

/* Adds up the samples of a profile, which must outlive the sums. Returns 0 or -ENOMEM; call
 * stack_sums_deinit() on failure too. */
int stack_sums_init(struct stack_sums *sums, const struct profile *profile);
void stack_sums_deinit(struct stack_sums *sums);

/* Returns the values of a stack, one for each sample type. */
static inline int64_t *stack_sums_values(const struct stack_sums *sums,
					 const struct stack_sum *stack)
{
	return vec_from(&sums->values, stack->row * sums->frames.profile->sample_types.n);
}

static inline const uint32_t *stack_sums_functions(const struct stack_sums *sums,
						   const struct stack_sum *stack)
{
	return vec_from(&sums->functions, stack->first);
}
