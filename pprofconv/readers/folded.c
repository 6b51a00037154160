/* SPDX-License-Identifier: MIT */
/* Folded stacks are the input of flame graph tools. Each line has the names of a stack's functions,
 * from the root to the leaf, and a number. The format doesn't say what the number counts. Many
 * tools write the format, but no document defines it, so comments, fractions, Windows line ends and
 * a last line without a newline are all accepted. */
#include <errno.h>
#include <inttypes.h>

#include "model/unsample.h"
#include "readers/heap_text.h"
#include "readers/readers.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct folded {
	struct profile *profile;
	struct input *input;
	struct diag *diag;
	VEC(uint32_t) locations; /* by function; PROFILE_NONE: none yet */
	VEC(uint32_t) stack;
	double carry; /* the remainder of rounding so far */
	size_t n_lines, n_two_counts, n_fractions, n_like_stacks;
	bool has_callers, is_cut;
};

static int corrupt_line(struct folded *folded, const char *what)
{
	return diag_error_line(folded->diag, READER_E_CORRUPT, input_line_number(folded->input),
			       "%s", what);
}

static void fail_no_memory(struct folded *folded)
{
	profile_fail(folded->profile, -ENOMEM);
}

/* Returns the location that stands for a function. It has no address. */
static uint32_t location_of(struct folded *folded, uint32_t function)
{
	struct profile_location location = {.mapping = PROFILE_NONE};
	struct profile_line line = {.function = function};

	while (folded->locations.n <= function)
		if (vec_push(&folded->locations, PROFILE_NONE) < 0) {
			fail_no_memory(folded);
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
		fail_no_memory(folded);
}

/* stack = name { ";" name } { ";" }; the last name is the leaf, so the stack is read from its end.
 * Each ';' at the end is skipped, because some tools end the stack with one. */
static uint32_t read_stack(struct folded *folded, struct cursor line)
{
	folded->stack.n = 0;
	while (!cursor_at_end(&line) && (line.end[-1] == ';' || line.end[-1] == ' '))
		line.end--;
	while (!cursor_at_end(&line)) {
		const char *separator = memrchr(line.at, ';', cursor_left(&line));
		struct cursor name = line;

		if (separator)
			name.at = separator + 1;
		push_frame(folded, name);
		if (!separator)
			break;
		line.end = separator;
	}
	folded->has_callers |= folded->stack.n > 1;
	return profile_add_stack(folded->profile, folded->stack.items, folded->stack.n);
}

/* --- lines --------------------------------------------------------------------------------- */

struct count {
	int64_t whole;
	double fraction; /* to be added to `whole` */
};

/* count = integer [ "." { digit } ] */
static bool take_count(struct cursor *text, struct count *out)
{
	double unit = cursor_peek(text) == '-' ? -1 : 1;

	*out = (struct count){.whole = cursor_take_signed(text)};
	if (cursor_accept(text, '.'))
		for (int c = cursor_peek(text); c >= '0' && c <= '9'; c = cursor_peek(text)) {
			unit /= 10;
			out->fraction += unit * (c - '0');
			text->at++;
		}
	return !text->failed && cursor_at_end(text);
}

/* Splits "stack count" at its last space: sets *out_count, cuts the line after the stack, and
 * returns true. Returns false if the line has another form. */
static bool split_line(struct cursor *line, struct count *out_count)
{
	struct cursor number = *line;
	const char *space;

	cursor_trim_end(line);
	space = memrchr(line->at, ' ', cursor_left(line));
	if (!space || space == line->at)
		return false;
	number.at = space + 1;
	number.end = line->end;
	line->end = space;
	return take_count(&number, out_count);
}

static bool is_blank(struct cursor line)
{
	cursor_trim_end(&line);
	return cursor_at_end(&line);
}

/* comment = "#" [ space text ] | "#" text, unless the line is a stack with a count: in Ruby, names
 * may begin with "#" */
static bool is_comment(struct cursor line)
{
	struct count count;

	if (line.at == line.end || *line.at != '#')
		return false;
	return cursor_left(&line) == 1 || cursor_is_space((unsigned char)line.at[1]) ||
	       !split_line(&line, &count);
}

/* Returns whether the text after the last space is all digits. If split_line() has rejected the
 * line, its count is then merely too large. */
static bool has_digits(struct cursor line)
{
	const char *space;

	cursor_trim_end(&line);
	space = memrchr(line.at, ' ', cursor_left(&line));
	if (!space || space == line.at || space + 1 == line.end)
		return false;
	for (const char *at = space + 1; at < line.end; at++)
		if (*at < '0' || *at > '9')
			return false;
	return true;
}

/* Returns whether a comment looks like a stack of two frames or more. */
static bool is_like_stack(struct cursor comment)
{
	struct count count;

	return split_line(&comment, &count) && memchr(comment.at, ';', cursor_left(&comment));
}

/* Returns whether the line holds characters that no name has: NUL, or a carriage return before the
 * line's end. A name with a NUL would be cut there and become another name. In a file with carriage
 * returns as its only line ends, all lines would be read as one. */
static bool has_control(struct cursor line)
{
	cursor_trim_end(&line);
	return memchr(line.at, '\0', cursor_left(&line)) ||
	       memchr(line.at, '\r', cursor_left(&line));
}

/* Returns whether the stack itself ends with a number. Lines with two counts are the difference of
 * two profiles. */
static bool has_second_count(struct cursor stack)
{
	struct count count;

	return split_line(&stack, &count);
}

/* Rounds a count, and carries the remainder to the next count, so that the sum stays right. */
static int64_t round_count(struct folded *folded, const struct count *count)
{
	int64_t value = count->whole;

	if (count->fraction == 0)
		return value;
	folded->n_fractions++;
	if (unsample_round(&folded->carry, (double)value + count->fraction, &value) < 0)
		profile_fail(folded->profile, -EOVERFLOW);
	return value;
}

/* line = stack " " count */
static int read_line(struct folded *folded, struct cursor line)
{
	struct profile_sample key = {0};
	struct count count;
	int64_t value;

	if (has_control(line))
		return corrupt_line(folded, "a NUL or a carriage return within the line");
	if (!split_line(&line, &count))
		return corrupt_line(
			folded, folded->is_cut
					? "truncated: the last line has no newline"
					: "expected a stack and a number, as in 'main;work 12'");
	folded->n_lines++;
	folded->n_two_counts += has_second_count(line);
	value = round_count(folded, &count);
	key.stack = read_stack(folded, line);
	profile_add_sample(folded->profile, key, &value);
	return 0;
}

static int read_lines(struct folded *folded)
{
	struct cursor line;
	int r = 0;

	while (!r && input_next_line(folded->input, &line)) {
		if (input_line_number(folded->input) == 1)
			cursor_accept_text(&line, BYTE_ORDER_MARK);
		folded->is_cut = input_line_is_cut(folded->input);
		if (is_comment(line))
			folded->n_like_stacks += is_like_stack(line);
		else if (!is_blank(line))
			r = read_line(folded, line);
	}
	return r ? r : input_status(folded->input);
}

/* Rejects the difference of two profiles, and warns of input that may have been misread. */
static int check_doubts(struct folded *folded)
{
	struct diag *diag = folded->diag;

	if (folded->has_callers && folded->n_two_counts == folded->n_lines)
		return diag_error_line(
			diag, READER_E_UNSUPPORTED, 1,
			"folded stacks with two counts per line are a difference, which is not "
			"supported; give the two profiles to 'pprofconv diff'");
	if (folded->is_cut)
		diag_warn(diag, "the last line has no newline; if the file was truncated, its "
				"last count may be too");
	if (folded->n_fractions)
		diag_warn(diag,
			  "%zu of %zu counts are fractions and were rounded to whole numbers with "
			  "the same sum; multiply them first if that is too coarse",
			  folded->n_fractions, folded->n_lines);
	if (folded->n_like_stacks)
		diag_warn(diag,
			  "%zu of the lines that begin with '# ' look like stacks; they were read "
			  "as comments",
			  folded->n_like_stacks);
	if (folded->n_lines && !folded->has_callers)
		diag_warn(diag, "no function has a caller; lines of a name and a number were read "
				"as folded stacks");
	return 0;
}

static int read_folded(struct profile *profile, struct input *input, struct diag *diag)
{
	struct folded folded = {.profile = profile, .input = input, .diag = diag};
	int r;

	profile_add_sample_type(profile, "samples", "count");
	r = read_lines(&folded);
	r = r ? r : check_doubts(&folded);
	vec_deinit(&folded.locations);
	vec_deinit(&folded.stack);
	return r;
}

/* --- probing ------------------------------------------------------------------------------- */

/* What kinds of lines of folded stacks have been seen in a head so far. */
struct seen {
	bool has_line;
	bool has_caller;     /* a stack of two frames or more */
	bool has_mere_count; /* a stack whose only frame is a number */
};

static bool is_number(struct cursor text)
{
	struct count count;

	return take_count(&text, &count);
}

static void see_stack(struct seen *seen, struct cursor stack)
{
	bool has_caller = memchr(stack.at, ';', cursor_left(&stack));

	seen->has_line = true;
	seen->has_caller |= has_caller;
	seen->has_mere_count |= !has_caller && is_number(stack);
}

static bool see_line(struct seen *seen, struct cursor line)
{
	struct cursor stack = line;
	struct count count;

	if (is_blank(line) || is_comment(line))
		return true;
	if (!split_line(&stack, &count) && !has_digits(line))
		return false;
	see_stack(seen, stack);
	return true;
}

/* Looks at `rest`, the last line of the head, whose end is not in the head. It may be the last line
 * of the file, or a line that goes on after the head. Returns false if it can't be a line of folded
 * stacks. */
static bool see_rest(struct seen *seen, struct cursor rest, bool is_longest)
{
	struct count count;
	struct cursor stack = rest;

	if (!cursor_is_text(rest))
		return false;
	if (split_line(&stack, &count))
		see_stack(seen, stack);
	else if (is_longest && memchr(rest.at, ';', cursor_left(&rest)))
		seen->has_line = seen->has_caller = true; /* a line longer than any head */
	return true;
}

/* Accepts a head if every line is blank, a comment, or a stack with a number, and at least one
 * stack has two frames. If no stack has two frames, the answer is PROBE_LIKELY, or PROBE_UNSURE if
 * there is no stack or a stack whose only frame is a number. */
static enum probe probe_folded(struct cursor head)
{
	bool is_longest = cursor_left(&head) == READER_HEAD_MAX;
	struct seen seen = {0};
	struct cursor line;

	cursor_accept_text(&head, BYTE_ORDER_MARK);
	while (heap_text_next_line(&head, &line))
		if (!see_line(&seen, line))
			return PROBE_NO;
	if (seen.has_caller)
		return PROBE_YES;
	if (!see_rest(&seen, head, is_longest && !seen.has_line))
		return PROBE_NO;
	if (!seen.has_line)
		return PROBE_UNSURE;
	return seen.has_caller || !seen.has_mere_count ? PROBE_LIKELY : PROBE_UNSURE;
}

const struct reader reader_folded = {
	.name = "folded",
	.summary = "folded stacks, as flame graph tools take them",
	.group = READER_GENERAL,
	.made_by = "stackcollapse-perf.pl and its relatives",
	.probe = probe_folded,
	.read = read_folded,
};
