/* SPDX-License-Identifier: MIT */
#include "readers/named_stack.h"

#include <errno.h>

void named_stack_init(struct named_stack *stack, struct profile *profile)
{
	*stack = (struct named_stack){.profile = profile};
}

void named_stack_deinit(struct named_stack *stack)
{
	vec_deinit(&stack->frames);
	vec_deinit(&stack->inlined);
	vec_deinit(&stack->locations);
	strtab_deinit(&stack->known);
}

struct location_key {
	uint64_t address;
	uint32_t mapping;
	uint32_t n_lines;
};

/* Sets *out_key to the number of the key of the open location. */
static int find_key(struct named_stack *stack, uint32_t *out_key)
{
	struct location_key key = {stack->address, stack->mapping, (uint32_t)stack->inlined.n};
	VEC(char) bytes = {0};
	int r = vec_append(&bytes, (const char *)&key, sizeof(key));

	if (!r)
		r = vec_append(&bytes, (const char *)stack->inlined.items,
			       stack->inlined.n * sizeof(*stack->inlined.items));
	if (!r)
		r = strtab_intern(&stack->known, bytes.items, bytes.n, out_key);
	vec_deinit(&bytes);
	return r;
}

/* Makes a location of the frames at one address, and adds it to the stack. */
static void close_location(struct named_stack *stack)
{
	struct profile_location location = {.address = stack->address, .mapping = stack->mapping};
	size_t n_lines = stack->inlined.n;
	uint32_t key = 0;
	int r;

	if (!n_lines)
		return;
	if (n_lines == 1 && stack->inlined.items[0].function == PROFILE_NONE)
		n_lines = 0; /* a frame without a name */
	r = find_key(stack, &key);
	if (!r && key > stack->locations.n + 1)
		r = -ENOMEM; /* an earlier key has no location, for want of memory */
	if (!r && key > stack->locations.n)
		r = vec_push(&stack->locations,
			     profile_add_location(stack->profile, &location, stack->inlined.items,
						  n_lines));
	if (!r)
		r = vec_push(&stack->frames, stack->locations.items[key - 1]);
	if (r)
		profile_fail(stack->profile, r);
	stack->inlined.n = 0;
}

static struct profile_line line_of(struct named_stack *stack, const struct named_frame *frame)
{
	struct profile *profile = stack->profile;
	struct profile_function function = {0};
	struct profile_line line;

	memset(&line, 0, sizeof(line)); /* its bytes are part of a key */
	line.function = PROFILE_NONE;
	line.line = frame->line;
	line.column = frame->column;
	if (cursor_at_end(&frame->name))
		return line;
	function.name = profile_intern_bytes(profile, frame->name.at, cursor_left(&frame->name));
	function.system_name = function.name;
	function.filename =
		profile_intern_bytes(profile, frame->file.at, cursor_left(&frame->file));
	line.function = profile_add_function(profile, &function);
	return line;
}

/* Returns whether a frame is another function at the address of the frame before it. If it is the
 * first function at this address again, the function calls itself. */
static bool is_inlined(const struct named_stack *stack, const struct named_frame *frame,
		       const struct profile_line *line)
{
	const struct profile_line *first = stack->inlined.items;

	return stack->inlined.n && stack->inlined.n < LOCATION_LINES_MAX && frame->address &&
	       frame->address == stack->address && frame->mapping == stack->mapping &&
	       line->function != PROFILE_NONE && first->function != PROFILE_NONE &&
	       (line->function != first->function || line->line != first->line);
}

void named_stack_push(struct named_stack *stack, const struct named_frame *frame)
{
	struct profile_line line = line_of(stack, frame);

	if (!is_inlined(stack, frame, &line))
		close_location(stack);
	stack->address = frame->address;
	stack->mapping = frame->mapping;
	if (vec_push(&stack->inlined, line) < 0)
		profile_fail(stack->profile, -ENOMEM);
}

int named_stack_move(struct named_stack *stack, location_list *out)
{
	int r;

	close_location(stack);
	r = vec_append(out, stack->frames.items, stack->frames.n);
	stack->frames.n = 0;
	return r;
}

uint32_t named_stack_take(struct named_stack *stack)
{
	uint32_t number;

	close_location(stack);
	number = profile_add_stack(stack->profile, stack->frames.items, stack->frames.n);
	stack->frames.n = 0;
	return number;
}
