/* SPDX-License-Identifier: MIT */
/* Reads what bpftrace prints of maps whose keys are user stacks:
 *
 *	map   = { "@" name "[" [ key ", " ] EOL { frame EOL } [ ", " key ] "]: " number EOL }
 *	frame = spaces symbol "+" offset | spaces "0x" address
 *	      | TAB address " " ( symbol "+" offset | "0x" address ) " (" module ")"    ustack(perf)
 *
 * The text doesn't say what the numbers are. By convention, a map with "bytes" in its name has
 * bytes; another one has counts. A map that is printed several times, or several maps, are several
 * reports: a report ends at an empty line or at another name. Maps without stacks, and values that
 * are not numbers, are left out. */
#include <errno.h>
#include <inttypes.h>

#include "readers/heap_text.h"
#include "readers/named_stack.h"
#include "readers/reader.h"
#include "readers/readers.h"
#include "readers/report_log.h"

struct bpftrace {
	struct input *input;
	struct diag *diag;
	struct report_log log;
	struct profile *report; /* ours; NULL: none is open */
	struct named_stack stack;
	VEC(char) map; /* the name of the report's map */
	VEC(char) key; /* what is in the key besides the stack */
	bool is_in_stack, is_first_frame;
	uint64_t n_left_out; /* maps with stacks whose values are not numbers */
};

static int corrupt(struct bpftrace *bpftrace, const char *what)
{
	return diag_error_line(bpftrace->diag, READER_E_CORRUPT, input_line_number(bpftrace->input),
			       "%s", what);
}

static int no_memory(struct bpftrace *bpftrace)
{
	return diag_errno(bpftrace->diag, -ENOMEM);
}

/* --- reports ------------------------------------------------------------------------------- */

static void drop_report(struct bpftrace *bpftrace)
{
	named_stack_deinit(&bpftrace->stack);
	profile_free(bpftrace->report);
	bpftrace->report = NULL;
}

/* A report without a sample, as of a histogram, is none. */
static void end_report(struct bpftrace *bpftrace)
{
	struct profile *report = bpftrace->report;

	if (!report)
		return;
	if (report->samples.n) {
		bpftrace->report = NULL;
		report_log_end(&bpftrace->log, report);
	}
	drop_report(bpftrace);
}

static int begin_report(struct bpftrace *bpftrace)
{
	struct cursor name = cursor_make(bpftrace->map.items, bpftrace->map.n);
	bool is_bytes = cursor_find(&name, "bytes");
	const char *type = is_bytes ? "alloc_space" : "count";

	bpftrace->report = report_log_begin(&bpftrace->log);
	if (!bpftrace->report)
		return no_memory(bpftrace);
	named_stack_init(&bpftrace->stack, bpftrace->report);
	profile_add_sample_type(bpftrace->report, type, is_bytes ? "bytes" : "count");
	bpftrace->report->default_sample_type = profile_intern(bpftrace->report, type);
	bpftrace->report->tool = "bpftrace";
	return 0;
}

/* --- entries ------------------------------------------------------------------------------- */

static struct cursor trim(struct cursor text)
{
	while (!cursor_at_end(&text) && (*text.at == ',' || *text.at == ' '))
		text.at++;
	while (!cursor_at_end(&text) && (text.end[-1] == ',' || text.end[-1] == ' '))
		text.end--;
	return text;
}

static int add_key(struct bpftrace *bpftrace, struct cursor text)
{
	text = trim(text);
	if (cursor_at_end(&text))
		return 0;
	if (bpftrace->key.n && vec_append(&bpftrace->key, ", ", 2) < 0)
		return no_memory(bpftrace);
	return vec_append(&bpftrace->key, text.at, cursor_left(&text)) < 0 ? no_memory(bpftrace)
									   : 0;
}

/* Begins an entry, whose line ends where its stack begins. */
static int begin_entry(struct bpftrace *bpftrace, struct cursor name, struct cursor key)
{
	bool is_same = bpftrace->report && name.end - name.at == (ptrdiff_t)bpftrace->map.n &&
		       memcmp(name.at, bpftrace->map.items, bpftrace->map.n) == 0;

	if (!is_same)
		end_report(bpftrace);
	bpftrace->map.n = bpftrace->key.n = 0;
	if (vec_append(&bpftrace->map, name.at, cursor_left(&name)) < 0)
		return no_memory(bpftrace);
	if (!bpftrace->report && begin_report(bpftrace))
		return -ENOMEM;
	bpftrace->is_in_stack = bpftrace->is_first_frame = true;
	return add_key(bpftrace, key);
}

/* end = [ ", " key ] "]: " number: the last line of an entry. */
static int end_entry(struct bpftrace *bpftrace, struct cursor line)
{
	struct cursor key = line, value = line;
	struct profile_sample sample = {0};
	struct profile_label label = {0};
	int64_t number;
	int r;

	bpftrace->is_in_stack = false;
	cursor_find(&value, "]:");
	key.end = value.at;
	cursor_accept_text(&value, "]:");
	cursor_skip_spaces(&value);
	number = cursor_take_signed(&value);
	r = add_key(bpftrace, key);
	sample.stack = named_stack_take(&bpftrace->stack);
	if (r || value.failed || !cursor_at_end(&value)) {
		bpftrace->n_left_out++;
		return r;
	}
	if (number < 0)
		return corrupt(bpftrace, "a number below 0");
	label.key = profile_intern(bpftrace->report, "key");
	label.text = profile_intern_bytes(bpftrace->report, bpftrace->key.items, bpftrace->key.n);
	sample.labels = profile_add_labels(bpftrace->report, &label, bpftrace->key.n ? 1 : 0);
	profile_add_sample(bpftrace->report, sample, &number);
	return 0;
}

/* Cuts "+OFFSET" off the end of a symbol. */
static void drop_offset(struct cursor *symbol)
{
	const char *plus = memrchr(symbol->at, '+', cursor_left(symbol));
	struct cursor offset;

	if (!plus)
		return;
	offset = cursor_make(plus + 1, (size_t)(symbol->end - plus - 1));
	cursor_take_decimal(&offset);
	if (!offset.failed && cursor_at_end(&offset))
		symbol->end = plus;
}

/* Takes the address of a call, without which a frame of ustack(perf) has none. The first frame is
 * where the program was; the others are return addresses. */
static uint64_t take_address(const struct bpftrace *bpftrace, struct cursor *text)
{
	uint64_t address = cursor_take_hex(text);

	return address && !bpftrace->is_first_frame ? address - 1 : address;
}

static int read_frame(struct bpftrace *bpftrace, struct cursor line)
{
	struct named_frame frame = {.file = cursor_make("", 0), .mapping = PROFILE_NONE};
	bool is_perf = *line.at == '\t';

	cursor_skip_spaces(&line);
	if (is_perf) {
		const char *open = memrchr(line.at, '(', cursor_left(&line));

		frame.address = take_address(bpftrace, &line);
		if (line.failed || !open || open <= line.at)
			return corrupt(bpftrace, "expected a frame, such as 7f00 f+1 (app)");
		line.end = open;
		line = trim(line);
	}
	if (cursor_accept_text(&line, "0x"))
		frame.address = take_address(bpftrace, &line);
	else
		drop_offset(&line);
	if (line.failed)
		return corrupt(bpftrace, "expected a frame, such as f+1");
	frame.name = line;
	bpftrace->is_first_frame = false;
	named_stack_push(&bpftrace->stack, &frame);
	return 0;
}

/* --- the text ------------------------------------------------------------------------------ */

/* Returns whether a line begins an entry with a stack, and sets the name of its map and the part of
 * its key that comes before the stack. */
static bool takes_entry(struct cursor line, struct cursor *out_name, struct cursor *out_key)
{
	const char *open = memchr(line.at, '[', cursor_left(&line));
	struct cursor rest;

	if (cursor_peek(&line) != '@' || !open)
		return false;
	rest = cursor_make(open + 1, (size_t)(line.end - open - 1));
	*out_name = cursor_make(line.at, (size_t)(open - line.at));
	*out_key = rest;
	return !cursor_find(&rest, "]:");
}

static int read_line(struct bpftrace *bpftrace, struct cursor line)
{
	struct cursor name, key, end = line;

	if (bpftrace->is_in_stack && !cursor_at_end(&line) && cursor_is_space(*line.at))
		return read_frame(bpftrace, line);
	if (bpftrace->is_in_stack)
		return cursor_find(&end, "]:")
			       ? end_entry(bpftrace, line)
			       : corrupt(bpftrace, "expected a frame, or the end of a stack");
	if (takes_entry(line, &name, &key))
		return begin_entry(bpftrace, name, key);
	if (cursor_at_end(&line))
		end_report(bpftrace);
	return 0;
}

static int read_lines(struct bpftrace *bpftrace)
{
	struct cursor line;
	int r = 0;

	while (!r && input_next_line(bpftrace->input, &line)) {
		if (input_line_is_cut(bpftrace->input))
			return corrupt(bpftrace, "truncated: the last line has no newline");
		cursor_trim_end(&line);
		r = read_line(bpftrace, line);
	}
	r = r ? r : input_status(bpftrace->input);
	if (!r && bpftrace->is_in_stack)
		r = corrupt(bpftrace, "truncated: the last stack is not whole");
	if (!r)
		end_report(bpftrace);
	return r;
}

static int read_bpftrace(struct profile *profile, struct input *input, struct diag *diag)
{
	struct bpftrace bpftrace = {.input = input, .diag = diag};
	int r;

	report_log_init(&bpftrace.log, profile);
	r = read_lines(&bpftrace);
	if (!r && bpftrace.n_left_out && !bpftrace.log.n_ended)
		r = diag_error(diag, READER_E_UNSUPPORTED,
			       "histograms and statistics of bpftrace are not supported; use sum() "
			       "or count()");
	r = r ? r : report_log_finish(&bpftrace.log, input, "map with stacks", diag);
	if (!r && bpftrace.n_left_out)
		diag_warn(diag, "%" PRIu64 " stacks whose values are not numbers are left out",
			  bpftrace.n_left_out);
	drop_report(&bpftrace);
	vec_deinit(&bpftrace.map);
	vec_deinit(&bpftrace.key);
	report_log_deinit(&bpftrace.log);
	return r;
}

static enum probe probe_bpftrace(struct cursor head)
{
	struct cursor line, name, key;

	while (heap_text_next_line(&head, &line)) {
		cursor_trim_end(&line);
		if (takes_entry(line, &name, &key))
			return PROBE_YES;
		if (!cursor_at_end(&line) && *line.at != '@' &&
		    !cursor_starts_with(&line, "Attaching "))
			return PROBE_NO;
	}
	return PROBE_NO;
}

const struct reader reader_bpftrace = {
	.name = "bpftrace",
	.summary = "maps of bpftrace with user stacks; one with bytes in its name has bytes",
	.group = READER_LEAKS,
	.made_by = "bpftrace -e 'uprobe:libc:malloc { @bytes[ustack] = sum(arg0); }' >FILE",
	.probe = probe_bpftrace,
	.read = read_bpftrace,
};
