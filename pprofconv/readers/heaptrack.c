/* SPDX-License-Identifier: MIT */
/* Reads heaptrack's data file, which lists strings, instruction pointers, traces and allocations
 * where they occur first, and then every event as the number of its allocation:
 *
 *	v PROGRAM_VERSION FILE_VERSION
 *	s [LENGTH] STRING
 *	i ADDRESS MODULE [ FUNCTION [ FILE LINE { FUNCTION FILE LINE } ] ]   innermost first
 *	t IP PARENT                                                          PARENT called IP
 *	a SIZE TRACE
 *	+ ALLOCATION    - ALLOCATION
 *	c MILLISECONDS
 *	# strings: N    # ips: N                                             at the end
 *
 * A file of a heaptrack that was killed stops anywhere, also within a line; such a line is left
 * out. All numbers but those of the last line are hexadecimal. Strings, ips and traces count from
 * 1, allocations from 0. An allocation stands for all blocks of its size and trace.
 *
 * The file is read once, though only its end shows when the peak was. Each allocation keeps its
 * count at the last peak so far, and the number of that peak. A new peak gets a new number and
 * touches no count: an allocation brings its own up to date before its count next changes, as it
 * has not changed since that peak. */
#include <errno.h>
#include <inttypes.h>

#include "base/path.h"
#include "readers/heap_types.h"
#include "readers/named_stack.h"
#include "readers/reader.h"
#include "readers/readers.h"

#define DEPTH_MAX 4096 /* heaptrack itself records 64 frames */

struct ip { /* its locations, in heaptrack.locations */
	size_t first, n;
};

struct trace {
	uint32_t ip, parent; /* from 1; parent 0: none */
};

struct allocation {
	uint64_t size;
	uint64_t peak; /* the number of the peak that at_peak is of */
	uint32_t trace;
	int64_t n_made, n_live, n_at_peak;
};

struct heaptrack {
	struct profile *profile;
	struct input *input;
	struct diag *diag;
	uint64_t version; /* of the file */
	struct named_stack names;
	VEC(uint32_t) strings;   /* of the profile, by number minus 1 */
	VEC(struct ip) ips;      /* by number minus 1 */
	location_list locations; /* of all ips */
	VEC(struct trace) traces;
	VEC(struct allocation) allocations;
	VEC(uint32_t) stack;
	int64_t n_bytes, peak_bytes; /* in use: now, and at most */
	uint64_t peak;               /* its number */
	uint64_t n_strings, n_ips;   /* of the trailer */
	uint64_t milliseconds;
	bool has_strings, has_ips, is_attached;
};

static int corrupt(struct heaptrack *heaptrack, const char *what)
{
	return diag_error_line(heaptrack->diag, READER_E_CORRUPT,
			       input_line_number(heaptrack->input), "%s", what);
}

static int no_memory(struct heaptrack *heaptrack)
{
	return diag_errno(heaptrack->diag, -ENOMEM);
}

static uint64_t take_number(struct cursor *line)
{
	cursor_accept(line, ' ');
	return cursor_take_hex(line);
}

static bool has_more(const struct cursor *line)
{
	return !line->failed && !cursor_at_end(line);
}

/* --- what is listed ------------------------------------------------------------------------ */

static int read_string(struct heaptrack *heaptrack, struct cursor line)
{
	uint64_t length;

	cursor_accept(&line, ' ');
	length = cursor_left(&line);
	if (heaptrack->version >= 3) {
		length = cursor_take_hex(&line);
		cursor_expect(&line, ' ');
	}
	if (line.failed || length != cursor_left(&line))
		return corrupt(heaptrack, "a string of another length than the line says");
	if (vec_push(&heaptrack->strings,
		     profile_intern_bytes(heaptrack->profile, line.at, cursor_left(&line))) < 0)
		return no_memory(heaptrack);
	return 0;
}

/* Takes the number of a string and sets *out to its text, "" for number 0. */
static void take_text(struct heaptrack *heaptrack, struct cursor *line, struct cursor *out)
{
	uint64_t number = take_number(line);
	const char *text = "";

	if (number > heaptrack->strings.n)
		line->failed = true;
	else if (number && !line->failed)
		text = profile_string(heaptrack->profile, heaptrack->strings.items[number - 1]);
	*out = cursor_make(text, strlen(text));
}

/* Names a frame after its module if it has no name. Its address is not part of the name, since it
 * differs from run to run. */
static void push_nameless(struct heaptrack *heaptrack, struct named_frame *frame,
			  struct cursor module)
{
	static const char start[] = "??? in ";
	VEC(char) name = {0};
	const char *part = path_last_part(module.at); /* a string of the profile */

	if (cursor_at_end(&module))
		part = "no module";
	if (vec_append(&name, start, sizeof(start) - 1) < 0 ||
	    vec_append(&name, part, strlen(part)) < 0)
		profile_fail(heaptrack->profile, -ENOMEM);
	frame->name = cursor_make(name.items ? name.items : "", name.n);
	frame->file = cursor_make("", 0);
	named_stack_push(&heaptrack->names, frame);
	vec_deinit(&name);
}

static int read_ip(struct heaptrack *heaptrack, struct cursor line)
{
	struct named_frame frame = {.address = take_number(&line), .mapping = PROFILE_NONE};
	struct cursor module;
	struct ip ip = {.first = heaptrack->locations.n};
	bool is_named = false;

	take_text(heaptrack, &line, &module);
	while (has_more(&line)) {
		take_text(heaptrack, &line, &frame.name);
		frame.file = cursor_make("", 0);
		frame.line = 0;
		if (has_more(&line)) {
			take_text(heaptrack, &line, &frame.file);
			frame.line = (int64_t)(take_number(&line) & INT32_MAX);
		}
		if (!line.failed && !cursor_at_end(&frame.name)) {
			named_stack_push(&heaptrack->names, &frame);
			is_named = true;
		}
	}
	if (!is_named)
		push_nameless(heaptrack, &frame, module);
	if (line.failed)
		return corrupt(heaptrack, "expected an address and the numbers of strings");
	if (named_stack_move(&heaptrack->names, &heaptrack->locations) < 0)
		return no_memory(heaptrack);
	ip.n = heaptrack->locations.n - ip.first;
	if (vec_push(&heaptrack->ips, ip) < 0)
		return no_memory(heaptrack);
	return 0;
}

static int read_trace(struct heaptrack *heaptrack, struct cursor line)
{
	uint64_t ip = take_number(&line), parent = take_number(&line);

	if (line.failed || !cursor_at_end(&line) || !ip || ip > heaptrack->ips.n ||
	    parent > heaptrack->traces.n)
		return corrupt(heaptrack, "expected the number of an ip and of a trace");
	if (heaptrack->traces.n == UINT32_MAX ||
	    vec_push(&heaptrack->traces, (struct trace){(uint32_t)ip, (uint32_t)parent}) < 0)
		return no_memory(heaptrack);
	return 0;
}

static int read_allocation(struct heaptrack *heaptrack, struct cursor line)
{
	struct allocation allocation = {.size = take_number(&line)};
	uint64_t trace = take_number(&line);

	if (line.failed || !cursor_at_end(&line) || trace > heaptrack->traces.n ||
	    allocation.size > INT64_MAX)
		return corrupt(heaptrack, "expected a size and the number of a trace");
	allocation.trace = (uint32_t)trace;
	if (vec_push(&heaptrack->allocations, allocation) < 0)
		return no_memory(heaptrack);
	return 0;
}

/* --- events -------------------------------------------------------------------------------- */

static int64_t count_at_peak(const struct heaptrack *heaptrack, const struct allocation *allocation)
{
	return allocation->peak == heaptrack->peak ? allocation->n_at_peak : allocation->n_live;
}

static int read_event(struct heaptrack *heaptrack, struct cursor line, int64_t change)
{
	uint64_t number = take_number(&line);
	struct allocation *allocation;

	if (line.failed || !cursor_at_end(&line) || number >= heaptrack->allocations.n)
		return corrupt(heaptrack, "expected the number of an allocation");
	allocation = &heaptrack->allocations.items[number];
	allocation->n_at_peak = count_at_peak(heaptrack, allocation);
	allocation->peak = heaptrack->peak;
	if (change < 0 && !allocation->n_live)
		return corrupt(heaptrack, "a block is freed that is not in use");
	allocation->n_live += change;
	allocation->n_made += change > 0;
	if (__builtin_add_overflow(heaptrack->n_bytes, change * (int64_t)allocation->size,
				   &heaptrack->n_bytes))
		profile_fail(heaptrack->profile, -EOVERFLOW);
	if (heaptrack->n_bytes > heaptrack->peak_bytes) {
		heaptrack->peak_bytes = heaptrack->n_bytes;
		heaptrack->peak++;
	}
	return 0;
}

/* --- the file ------------------------------------------------------------------------------ */

static int read_version(struct heaptrack *heaptrack, struct cursor line)
{
	take_number(&line);
	heaptrack->version = has_more(&line) ? take_number(&line) : 0;
	if (line.failed)
		return corrupt(heaptrack, "expected the version of heaptrack and of the format");
	if (heaptrack->version != 2 && heaptrack->version != 3)
		return diag_error_line(
			heaptrack->diag, READER_E_UNSUPPORTED, input_line_number(heaptrack->input),
			"version %" PRIu64 " of heaptrack's format is not supported; 2 and 3 are",
			heaptrack->version);
	return 0;
}

static void read_command(struct heaptrack *heaptrack, struct cursor line)
{
	static const char key[] = "cmdline: ";
	VEC(char) text = {0};

	cursor_skip_spaces(&line);
	if (vec_append(&text, key, sizeof(key) - 1) < 0 ||
	    vec_append(&text, line.at, cursor_left(&line)) < 0)
		profile_fail(heaptrack->profile, -ENOMEM);
	else
		profile_add_comment(heaptrack->profile, text.items, text.n);
	vec_deinit(&text);
}

static void read_trailer(struct heaptrack *heaptrack, struct cursor line)
{
	if (cursor_accept_text(&line, " strings: ")) {
		heaptrack->n_strings = cursor_take_decimal(&line);
		heaptrack->has_strings = !line.failed && cursor_at_end(&line);
	} else if (cursor_accept_text(&line, " ips: ")) {
		heaptrack->n_ips = cursor_take_decimal(&line);
		heaptrack->has_ips = !line.failed && cursor_at_end(&line);
	}
}

static int read_rare_line(struct heaptrack *heaptrack, char kind, struct cursor line)
{
	switch (kind) {
	case 'v':
		return read_version(heaptrack, line);
	case 'X':
		read_command(heaptrack, line);
		return 0;
	case 'c':
		heaptrack->milliseconds = take_number(&line);
		return line.failed ? corrupt(heaptrack, "expected a time") : 0;
	case 'A':
		heaptrack->is_attached = true;
		return 0;
	case '#':
		read_trailer(heaptrack, line);
		return 0;
	case 'x':
	case 'm':
		return diag_error_line(heaptrack->diag, READER_E_UNSUPPORTED,
				       input_line_number(heaptrack->input),
				       "heaptrack's raw data is not supported; run heaptrack -i "
				       "first");
	default: /* page sizes, resident memory, suppressions, and what later versions add */
		return 0;
	}
}

static int read_line(struct heaptrack *heaptrack, struct cursor line)
{
	char kind;

	if (cursor_at_end(&line))
		return 0;
	kind = *line.at++;
	switch (kind) {
	case '+':
		return read_event(heaptrack, line, 1);
	case '-':
		return read_event(heaptrack, line, -1);
	case 'a':
		return read_allocation(heaptrack, line);
	case 't':
		return read_trace(heaptrack, line);
	case 'i':
		return read_ip(heaptrack, line);
	case 's':
		return read_string(heaptrack, line);
	default:
		return read_rare_line(heaptrack, kind, line);
	}
}

static int read_lines(struct heaptrack *heaptrack)
{
	struct cursor line;
	int r = 0;

	while (!r && input_next_line(heaptrack->input, &line))
		if (!input_line_is_cut(heaptrack->input))
			r = read_line(heaptrack, line);
	return r ? r : input_status(heaptrack->input);
}

static int check_end(struct heaptrack *heaptrack)
{
	if (!heaptrack->version)
		return corrupt(heaptrack, "truncated: the line of the version is not whole");
	if (!heaptrack->has_strings || !heaptrack->has_ips) {
		diag_warn(
			heaptrack->diag,
			"the file has no end: heaptrack was killed, or the file is cut; in use is "
			"what was in use at its last line");
		return 0;
	}
	if (heaptrack->n_strings != heaptrack->strings.n || heaptrack->n_ips != heaptrack->ips.n)
		return corrupt(heaptrack,
			       "the file has other numbers of strings and ips than its end says");
	return 0;
}

/* --- samples ------------------------------------------------------------------------------- */

static int take_stack(struct heaptrack *heaptrack, uint32_t trace, uint32_t *out_stack)
{
	heaptrack->stack.n = 0;
	for (size_t depth = 0; trace; depth++) {
		const struct trace *at = &heaptrack->traces.items[trace - 1];
		const struct ip *ip = &heaptrack->ips.items[at->ip - 1];

		if (depth == DEPTH_MAX)
			return corrupt(heaptrack, "a stack of more than 4096 frames");
		if (vec_append(&heaptrack->stack, vec_from(&heaptrack->locations, ip->first),
			       ip->n) < 0)
			return no_memory(heaptrack);
		trace = at->parent;
	}
	*out_stack =
		profile_add_stack(heaptrack->profile, heaptrack->stack.items, heaptrack->stack.n);
	return 0;
}

static int64_t multiply(struct heaptrack *heaptrack, int64_t count, uint64_t size)
{
	int64_t product = 0;

	if (__builtin_mul_overflow(count, (int64_t)size, &product))
		profile_fail(heaptrack->profile, -EOVERFLOW);
	return product;
}

static int add_sample(struct heaptrack *heaptrack, const struct allocation *allocation)
{
	int64_t n_at_peak = count_at_peak(heaptrack, allocation);
	struct profile_sample key = {0};
	int r = take_stack(heaptrack, allocation->trace, &key.stack);

	if (r || !allocation->n_made)
		return r;
	profile_add_sample(heaptrack->profile, key,
			   (int64_t[]){allocation->n_made,
				       multiply(heaptrack, allocation->n_made, allocation->size),
				       n_at_peak, multiply(heaptrack, n_at_peak, allocation->size),
				       allocation->n_live,
				       multiply(heaptrack, allocation->n_live, allocation->size)});
	return 0;
}

static int add_samples(struct heaptrack *heaptrack)
{
	int r = profile_status(heaptrack->profile);

	if (r == -ENOMEM)
		return no_memory(heaptrack);
	if (r)
		return 0; /* the caller explains it */
	vec_foreach (allocation, &heaptrack->allocations) {
		r = add_sample(heaptrack, allocation);
		if (r)
			return r;
	}
	return 0;
}

static int read_heaptrack(struct profile *profile, struct input *input, struct diag *diag)
{
	struct heaptrack heaptrack = {.profile = profile, .input = input, .diag = diag, .peak = 1};
	int r;

	heap_types_add(profile, "alloc");
	heap_types_add(profile, "peak");
	heap_types_add(profile, "inuse");
	heap_types_set_exact(profile);
	profile->tool = "heaptrack";
	named_stack_init(&heaptrack.names, profile);
	r = read_lines(&heaptrack);
	r = r ? r : check_end(&heaptrack);
	r = r ? r : add_samples(&heaptrack);
	profile->duration_nanos = (int64_t)(heaptrack.milliseconds & INT32_MAX) * 1000000;
	if (!r && heaptrack.is_attached)
		diag_warn(diag, "heaptrack was attached to a running process; what that had "
				"allocated before is not in the file");
	named_stack_deinit(&heaptrack.names);
	vec_deinit(&heaptrack.strings);
	vec_deinit(&heaptrack.ips);
	vec_deinit(&heaptrack.locations);
	vec_deinit(&heaptrack.traces);
	vec_deinit(&heaptrack.allocations);
	vec_deinit(&heaptrack.stack);
	return r;
}

/* The first line has two numbers, or one in files of early versions, which the second line tells
 * from other text. */
static enum probe probe_heaptrack(struct cursor head)
{
	if (!cursor_accept_text(&head, "v "))
		return PROBE_NO;
	cursor_take_hex(&head);
	if (cursor_accept(&head, ' ') && !cursor_at_end(&head))
		cursor_take_hex(&head);
	if (!head.failed && !cursor_at_end(&head))
		cursor_expect(&head, '\n');
	if (head.failed)
		return PROBE_NO;
	if (cursor_at_end(&head))
		return PROBE_YES; /* truncated, as the reader reports */
	return strchr("XIsxm", cursor_peek(&head)) && cursor_peek(&head) ? PROBE_YES : PROBE_NO;
}

const struct reader reader_heaptrack = {
	.name = "heaptrack",
	.summary = "heaptrack's data file, with the heap at its peak as peak_space",
	.group = READER_PROFILERS,
	.made_by = "heaptrack PROGRAM",
	.probe = probe_heaptrack,
	.read = read_heaptrack,
};
