/* SPDX-License-Identifier: MIT */
/* Reads the CSV of `memray transform csv`: the allocations that were in use at the peak, or those
 * that memray was asked for.
 *
 *	row   = allocator "," blocks "," bytes "," thread "," thread_name "," stack EOL
 *	stack = frame { "|" frame }                     the leaf first
 *	frame = function ";" file ";" line
 *
 * Cells may be quoted, as RFC 4180 describes; no cell of memray has more than one line. */
#include <errno.h>

#include "readers/heap_types.h"
#include "readers/named_stack.h"
#include "readers/reader.h"
#include "readers/readers.h"

#define HEAD "allocator,num_allocations,size,tid,thread_name,stack_trace"

enum {
	CELL_ALLOCATOR,
	CELL_BLOCKS,
	CELL_BYTES,
	CELL_THREAD,
	CELL_THREAD_NAME,
	CELL_STACK,
	CELLS
};

struct memray {
	struct profile *profile;
	struct input *input;
	struct diag *diag;
	struct named_stack stack;
	VEC(char) text;     /* of the row's cells, without quotes */
	size_t ends[CELLS]; /* of the cells, in `text` */
};

static int corrupt(struct memray *memray, const char *what)
{
	return diag_error_line(memray->diag, READER_E_CORRUPT, input_line_number(memray->input),
			       "%s", what);
}

/* Takes a cell and adds its text to memray.text. Sets `failed` if a quoted cell does not end. */
static void take_cell(struct memray *memray, struct cursor *line)
{
	bool is_quoted = cursor_accept(line, '"'), is_open = is_quoted;

	while (!cursor_at_end(line) && (is_open || *line->at != ',')) {
		char c = *line->at++;

		if (is_quoted && c == '"') {
			is_open = cursor_accept(line, '"');
			if (!is_open)
				break;
		}
		if (vec_push(&memray->text, c) < 0)
			profile_fail(memray->profile, -ENOMEM);
	}
	if (is_open)
		line->failed = true;
}

/* Splits a row into its cells. */
static int take_cells(struct memray *memray, struct cursor line)
{
	memray->text.n = 0;
	for (int i = 0; i < CELLS; i++) {
		if (i)
			cursor_expect(&line, ',');
		take_cell(memray, &line);
		memray->ends[i] = memray->text.n;
	}
	if (line.failed || !cursor_at_end(&line))
		return corrupt(memray, "expected a row of 6 cells");
	return 0;
}

static struct cursor cell(const struct memray *memray, int number)
{
	size_t first = number ? memray->ends[number - 1] : 0;

	return cursor_make(vec_from(&memray->text, first), memray->ends[number] - first);
}

static bool take_count(struct cursor text, int64_t *out)
{
	*out = cursor_take_signed(&text);
	return !text.failed && cursor_at_end(&text) && *out >= 0;
}

/* Cuts the last part after ';' off a frame and returns it. */
static struct cursor take_last_part(struct cursor *frame)
{
	const char *at = memrchr(frame->at, ';', cursor_left(frame));
	struct cursor part;

	if (!at) {
		frame->failed = true;
		return cursor_make("", 0);
	}
	part = cursor_make(at + 1, (size_t)(frame->end - at - 1));
	frame->end = at;
	return part;
}

static int push_frame(struct memray *memray, struct cursor frame)
{
	struct cursor line = take_last_part(&frame), file = take_last_part(&frame);
	struct named_frame named = {.file = file, .mapping = PROFILE_NONE};

	if (frame.failed || !take_count(line, &named.line) || named.line > INT32_MAX)
		return corrupt(memray, "expected a frame, such as f;app.py;3");
	named.name = frame;
	named_stack_push(&memray->stack, &named);
	return 0;
}

static int read_stack(struct memray *memray, struct cursor text, uint32_t *out)
{
	int r = 0;

	while (!r && !cursor_at_end(&text)) {
		const char *bar = memchr(text.at, '|', cursor_left(&text));
		struct cursor frame = text;

		if (bar)
			frame.end = bar;
		r = push_frame(memray, frame);
		text.at = bar ? bar + 1 : text.end;
	}
	*out = named_stack_take(&memray->stack);
	return r;
}

static struct profile_label label(struct profile *profile, const char *key, struct cursor text)
{
	return (struct profile_label){
		.key = profile_intern(profile, key),
		.text = profile_intern_bytes(profile, text.at, cursor_left(&text)),
	};
}

static int read_row(struct memray *memray, struct cursor line)
{
	struct cursor thread;
	struct profile_label labels[2];
	struct profile_sample key = {0};
	int64_t values[2];
	int r = take_cells(memray, line);

	if (r)
		return r;
	if (!take_count(cell(memray, CELL_BLOCKS), &values[0]) ||
	    !take_count(cell(memray, CELL_BYTES), &values[1]))
		return corrupt(memray, "expected the number of allocations and their bytes");
	thread = cell(memray, CELL_THREAD_NAME);
	if (cursor_at_end(&thread))
		thread = cell(memray, CELL_THREAD);
	labels[0] = label(memray->profile, "allocator", cell(memray, CELL_ALLOCATOR));
	labels[1] = label(memray->profile, "thread", thread);
	key.labels = profile_add_labels(memray->profile, labels, 2);
	r = read_stack(memray, cell(memray, CELL_STACK), &key.stack);
	if (!r)
		profile_add_sample(memray->profile, key, values);
	return r;
}

static int read_lines(struct memray *memray)
{
	struct cursor line;
	int r = 0;

	while (!r && input_next_line(memray->input, &line)) {
		if (input_line_is_cut(memray->input))
			return corrupt(memray, "truncated: the last line has no newline");
		cursor_trim_end(&line);
		if (input_line_number(memray->input) == 1) {
			if (!cursor_equals(&line, HEAD))
				return corrupt(memray, "expected the line '" HEAD "'");
		} else if (!cursor_at_end(&line)) {
			r = read_row(memray, line);
		}
	}
	return r ? r : input_status(memray->input);
}

static int read_memray(struct profile *profile, struct input *input, struct diag *diag)
{
	struct memray memray = {.profile = profile, .input = input, .diag = diag};
	int r;

	heap_types_add(profile, "peak");
	profile->tool = "memray";
	named_stack_init(&memray.stack, profile);
	r = read_lines(&memray);
	named_stack_deinit(&memray.stack);
	vec_deinit(&memray.text);
	return r;
}

static enum probe probe_memray(struct cursor head)
{
	return cursor_starts_with(&head, HEAD) ? PROBE_YES : PROBE_NO;
}

const struct reader reader_memray = {
	.name = "memray",
	.summary = "the CSV of Python's memray, with what was in use at the peak as peak_space",
	.group = READER_PROFILERS,
	.made_by = "memray transform csv -o FILE capture.bin",
	.probe = probe_memray,
	.read = read_memray,
};
