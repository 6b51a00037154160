/* SPDX-License-Identifier: MIT */
/* A named stack is a stack whose frames come with their names, as other tools write them. A builder
 * makes locations of these frames, and stores equal ones once. */
#pragma once
#include "base/cursor.h"
#include "model/profile.h"

struct named_frame {
	struct cursor name;   /* empty: the frame has an address only */
	struct cursor file;   /* may be empty */
	uint64_t address;     /* of the call; 0: not known */
	int64_t line, column; /* 0: not known */
	uint32_t mapping;     /* number, or PROFILE_NONE */
};

typedef VEC(uint32_t) location_list;

struct named_stack {
	struct profile *profile;
	location_list frames; /* of the stack that is being made */
	VEC(struct profile_line)
	inlined; /* at one address, innermost first; its location is open */
	uint64_t address;
	uint32_t mapping;
	struct strtab known;     /* what each location was made of */
	VEC(uint32_t) locations; /* by the number of the string in `known`, minus 1 */
};

void named_stack_init(struct named_stack *stack, struct profile *profile);
void named_stack_deinit(struct named_stack *stack);

/* Adds a frame. The frames of a stack are added from the leaf outward. Successive frames with one
 * address are functions that were inlined, innermost first; but if a function calls itself, it has
 * a frame for each call. */
void named_stack_push(struct named_stack *stack, const struct named_frame *frame);

/* Moves the locations of the frames to the end of *out, in place of making a stack of them. Returns
 * 0 or -ENOMEM. */
int named_stack_move(struct named_stack *stack, location_list *out);

/* Returns the number of the stack that the frames make. The next frame begins another stack. */
uint32_t named_stack_take(struct named_stack *stack);
