/* SPDX-License-Identifier: MIT */
/* Folded stacks, as flame graph tools take them: the names of a stack's functions from the root to
 * the leaf, and a number. What the number counts is not said. */
#include <errno.h>

#include "readers/readers.h"

struct folded {
	struct profile *profile;
	struct input *input;
	struct diag *diag;
	VEC(uint32_t) locations; /* of the functions, PROFILE_NONE where there is none yet */
	VEC(uint32_t) stack;
};

static int corrupt(struct folded *folded, const char *what)
{
	return diag_error_line(folded->diag, READER_E_CORRUPT, input_line_number(folded->input),
			       "%s", what);
}

static void no_memory(struct folded *folded)
{
	profile_fail(folded->profile, -ENOMEM);
}

/* The location that stands for a function; it has no address. */
static uint32_t location_of(struct folded *folded, uint32_t function)
{
	struct profile_location location = {.mapping = PROFILE_NONE};
	struct profile_line line = {.function = function};

	while (folded->locations.n <= function)
		if (vec_push(&folded->locations, PROFILE_NONE) < 0) {
			no_memory(folded);
			return 0;
		}
	if (folded->locations.items[function] == PROFILE_NONE)
		folded->locations.items[function] =
			profile_add_location(folded->profile, &location, &line, 1);
	return folded->locations.items[function];
}

static void push_frame(struct folded *folded, struct cursor name)
{
	uint32_t text = profile_intern_bytes(folded->profile, name.at, cursor_left(&name));
	struct profile_function function = {.name = text, .system_name = text};
	uint32_t number = profile_add_function(folded->profile, &function);

	if (vec_push(&folded->stack, location_of(folded, number)) < 0)
		no_memory(folded);
}

/* stack = name { ";" name }; the last one is the leaf, so it is read from the end */
static uint32_t read_stack(struct folded *folded, struct cursor line)
{
	folded->stack.n = 0;
	for (;;) {
		const char *separator = memrchr(line.at, ';', cursor_left(&line));
		struct cursor name = line;

		if (separator)
			name.at = separator + 1;
		push_frame(folded, name);
		if (!separator)
			break;
		line.end = separator;
	}
	return profile_add_stack(folded->profile, folded->stack.items, folded->stack.n);
}

/* Splits "stack number" at its last space; false if it is not so. */
static bool split(struct cursor *line, int64_t *out_value)
{
	struct cursor number = *line;
	const char *space;

	cursor_trim_end(line);
	space = memrchr(line->at, ' ', cursor_left(line));
	if (!space || space == line->at)
		return false;
	number.at = space + 1;
	number.end = line->end;
	*out_value = cursor_take_signed(&number);
	line->end = space;
	return !number.failed && cursor_at_end(&number);
}

static bool is_blank(struct cursor line)
{
	cursor_trim_end(&line);
	return cursor_at_end(&line);
}

/* Whether a number is there that is only too large; `line` is as split() left it. */
static bool has_digits(const struct cursor *line)
{
	const char *at = line->end;

	if (cursor_at_end(line) || *at != ' ')
		return false;
	while (at[1] >= '0' && at[1] <= '9')
		at++;
	return at > line->end && (at[1] == '\r' || at[1] == '\n');
}

/* line = stack " " integer */
static int read_line(struct folded *folded, struct cursor line)
{
	struct profile_sample key = {0};
	int64_t value;

	if (!split(&line, &value))
		return corrupt(folded, "expected a stack and a whole number, as in 'main;work 12'");
	key.stack = read_stack(folded, line);
	profile_add_sample(folded->profile, key, &value);
	return 0;
}

static int read_lines(struct folded *folded)
{
	struct cursor line;
	int r = 0;

	while (!r && input_next_line(folded->input, &line)) {
		if (input_line_is_cut(folded->input))
			r = corrupt(folded, "truncated: the last line has no end");
		else if (!is_blank(line))
			r = read_line(folded, line);
	}
	return r ? r : input_status(folded->input);
}

static int read_folded(struct profile *profile, struct input *input, struct diag *diag)
{
	struct folded folded = {.profile = profile, .input = input, .diag = diag};
	int r;

	profile_add_sample_type(profile, "samples", "count");
	r = read_lines(&folded);
	vec_deinit(&folded.locations);
	vec_deinit(&folded.stack);
	return r;
}

/* Every line of the head is a stack with a number, and one of them has two frames. */
static bool probe_folded(struct cursor head)
{
	bool has_frames = false;

	while (!cursor_at_end(&head)) {
		const char *end = memchr(head.at, '\n', cursor_left(&head));
		struct cursor line = head;
		int64_t value;

		if (!end)
			break;
		line.end = end;
		head.at = end + 1;
		if (is_blank(line))
			continue;
		if (!split(&line, &value) && !has_digits(&line))
			return false;
		has_frames |= memchr(line.at, ';', cursor_left(&line)) != NULL;
	}
	return has_frames;
}

const struct reader reader_folded = {
	.name = "folded",
	.summary = "folded stacks, as flame graph tools take them",
	.probe = probe_folded,
	.read = read_folded,
};
