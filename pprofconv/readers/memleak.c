/* SPDX-License-Identifier: MIT */
/* Reads what memleak prints, of bcc or of libbpf-tools. Every few seconds it writes a report:
 *
 *	[02:49:35] Top 10 stacks with outstanding allocations:
 *		4121 bytes in 40 allocations from stack           libbpf-tools: not indented
 *			0x0000559deb8e4178	grow+0xf [slow]
 *
 * A frame of bcc may lack its address; one of libbpf-tools is "0 [<0000561b45ed8178>] grow+0xf
 * [/opt/slow]". Addresses are return addresses. With -a there is a line "addr = HEX size = N" for
 * each block: in bcc before the first stack, in libbpf-tools after the line of its stack. A report
 * ends where the next one begins. */
#include <errno.h>
#include <inttypes.h>

#include "base/path.h"
#include "readers/heap_text.h"
#include "readers/heap_types.h"
#include "readers/named_stack.h"
#include "readers/reader.h"
#include "readers/readers.h"
#include "readers/report_log.h"

#define TITLE " stacks with outstanding allocations:"

struct counts {
	int64_t blocks, bytes;
};

struct memleak {
	struct input *input;
	struct diag *diag;
	struct report_log log;
	struct profile *report; /* ours; NULL: before the first report */
	struct named_stack stack;
	bool is_in_record, is_libbpf;
	int64_t n_announced; /* stacks, by the title */
	int64_t n_stacks;
	struct counts record, sums;
	struct counts listed; /* by -a: of the record in libbpf-tools, of the report in bcc */
};

static int corrupt(struct memleak *memleak, const char *what)
{
	return diag_error_line(memleak->diag, READER_E_CORRUPT, input_line_number(memleak->input),
			       "%s", what);
}

static bool add_counts(struct counts *sums, const struct counts *counts)
{
	return !__builtin_add_overflow(sums->blocks, counts->blocks, &sums->blocks) &&
	       !__builtin_add_overflow(sums->bytes, counts->bytes, &sums->bytes);
}

static void expect_text(struct cursor *text, const char *expected)
{
	if (!cursor_accept_text(text, expected))
		text->failed = true;
}

/* --- frames -------------------------------------------------------------------------------- */

/* Cuts " [MODULE]" off the end. */
static struct cursor take_module(struct cursor *text)
{
	const char *at = memrchr(text->at, '[', cursor_left(text));
	struct cursor module;

	if (!at || text->end[-1] != ']')
		return cursor_make("", 0);
	module = cursor_make(at + 1, (size_t)(text->end - at - 2));
	text->end = at;
	cursor_trim_end(text);
	return module;
}

/* Cuts "+0xOFFSET" off the end of a name. */
static void drop_offset(struct cursor *name)
{
	const char *at = memrchr(name->at, '+', cursor_left(name));
	struct cursor offset;

	if (!at)
		return;
	offset = cursor_make(at + 1, (size_t)(name->end - at - 1));
	expect_text(&offset, "0x");
	cursor_take_hex(&offset);
	if (!offset.failed && cursor_at_end(&offset))
		name->end = at;
}

static bool is_nameless(const struct cursor *name)
{
	return cursor_at_end(name) || cursor_equals(name, "[unknown]");
}

/* Takes the return address, if there is one, and sets *out to the address of the call. */
static void take_address(struct cursor *text, uint64_t *out)
{
	struct cursor at = *text;
	uint64_t address;

	cursor_take_decimal(&at); /* libbpf-tools number the frames */
	if (at.failed || !cursor_accept_text(&at, " [<"))
		at = *text;
	if (at.at == text->at && !cursor_accept_text(&at, "0x"))
		return;
	at.failed = false;
	address = cursor_take_hex(&at);
	cursor_accept_text(&at, ">]");
	if (at.failed || !address)
		return;
	*text = at;
	*out = address - 1;
}

static void push_frame(struct memleak *memleak, struct cursor text)
{
	static const char start[] = "??? in ";
	struct named_frame frame = {.file = cursor_make("", 0), .mapping = PROFILE_NONE};
	struct cursor module;
	VEC(char) name = {0};

	take_address(&text, &frame.address);
	cursor_skip_spaces(&text);
	module = take_module(&text);
	drop_offset(&text);
	if (cursor_equals(&module, "unknown") && cursor_at_end(&text))
		module = cursor_make("an unknown module", strlen("an unknown module"));
	frame.name = text;
	if (is_nameless(&text) && !vec_append(&name, start, sizeof(start) - 1) &&
	    !vec_append(&name, module.at, cursor_left(&module)))
		frame.name = cursor_make(name.items, name.n);
	named_stack_push(&memleak->stack, &frame);
	vec_deinit(&name);
}

/* --- reports ------------------------------------------------------------------------------- */

static int end_record(struct memleak *memleak)
{
	struct profile_sample key = {0};
	const struct counts *record = &memleak->record, *listed = &memleak->listed;

	if (!memleak->is_in_record)
		return 0;
	memleak->is_in_record = false;
	if (memleak->is_libbpf && listed->blocks &&
	    (listed->blocks != record->blocks || listed->bytes != record->bytes))
		return corrupt(memleak, "the blocks of the stack before this line don't add up to "
					"its counts");
	if (memleak->is_libbpf)
		memleak->listed = (struct counts){0};
	if (!add_counts(&memleak->sums, record))
		return corrupt(memleak, "the counts add up to more than 64 bits hold");
	memleak->n_stacks++;
	key.stack = named_stack_take(&memleak->stack);
	if (record->blocks || record->bytes)
		profile_add_sample(memleak->report, key,
				   (int64_t[]){record->blocks, record->bytes});
	return 0;
}

static void drop_report(struct memleak *memleak)
{
	named_stack_deinit(&memleak->stack);
	profile_free(memleak->report);
	memleak->report = NULL;
}

static int end_report(struct memleak *memleak)
{
	struct profile *report = memleak->report;
	int r;

	if (!report)
		return 0;
	r = end_record(memleak);
	if (r)
		return r;
	if (memleak->n_stacks > memleak->n_announced ||
	    (memleak->is_libbpf && memleak->n_stacks < memleak->n_announced))
		return corrupt(memleak, "the report before this line has another number of stacks "
					"than its title");
	if (!memleak->is_libbpf && memleak->listed.blocks &&
	    (memleak->sums.blocks > memleak->listed.blocks ||
	     memleak->sums.bytes > memleak->listed.bytes))
		return corrupt(memleak, "the stacks have more than the blocks that are listed");
	memleak->report = NULL;
	drop_report(memleak);
	report_log_end(&memleak->log, report);
	return 0;
}

/* title = "[" time "] Top " number " stacks with outstanding allocations:" */
static bool take_title(struct cursor line, int64_t *out_n)
{
	if (!cursor_accept(&line, '[') || !cursor_find(&line, "] Top "))
		return false;
	expect_text(&line, "] Top ");
	*out_n = cursor_take_signed(&line);
	expect_text(&line, TITLE);
	return !line.failed;
}

static int begin_report(struct memleak *memleak, int64_t n_announced)
{
	int r = end_report(memleak);

	if (r)
		return r;
	memleak->report = report_log_begin(&memleak->log);
	if (!memleak->report)
		return diag_errno(memleak->diag, -ENOMEM);
	named_stack_init(&memleak->stack, memleak->report);
	heap_types_add(memleak->report, "inuse");
	heap_types_set_exact(memleak->report);
	memleak->report->tool = "memleak";
	memleak->n_announced = n_announced;
	memleak->n_stacks = 0;
	memleak->sums = memleak->listed = (struct counts){0};
	memleak->is_libbpf = false;
	return 0;
}

/* record = bytes " bytes in " blocks " allocations from stack" */
static bool take_record(struct cursor line, struct counts *out)
{
	out->bytes = cursor_take_signed(&line);
	expect_text(&line, " bytes in ");
	out->blocks = cursor_take_signed(&line);
	expect_text(&line, " allocations from stack");
	return !line.failed && out->bytes >= 0 && out->blocks >= 0;
}

/* block = "addr = " address " size = " number */
static bool take_block(struct cursor line, struct counts *out)
{
	if (!cursor_accept_text(&line, "addr = ") || !cursor_find(&line, " size = "))
		return false;
	expect_text(&line, " size = ");
	*out = (struct counts){.blocks = 1, .bytes = cursor_take_signed(&line)};
	return !line.failed && out->bytes >= 0;
}

static int read_in_report(struct memleak *memleak, struct cursor line)
{
	bool is_indented = cursor_peek(&line) == '\t';
	struct counts counts;
	int r;

	cursor_skip_spaces(&line);
	if (take_record(line, &counts)) {
		r = end_record(memleak);
		memleak->is_libbpf = !is_indented;
		memleak->is_in_record = true;
		memleak->record = counts;
		return r;
	}
	if (take_block(line, &counts))
		return add_counts(&memleak->listed, &counts)
			       ? 0
			       : corrupt(memleak, "the sizes add up to more than 64 bits hold");
	if (memleak->is_in_record && is_indented)
		push_frame(memleak, line);
	else if (!cursor_at_end(&line) && is_indented)
		return corrupt(memleak, "expected a stack, such as '64 bytes in 2 allocations from "
					"stack'");
	return 0;
}

static int read_lines(struct memleak *memleak)
{
	struct cursor line;
	int64_t n_announced;
	int r = 0;

	while (!r && input_next_line(memleak->input, &line)) {
		if (input_line_is_cut(memleak->input))
			return corrupt(memleak, "truncated: the last line has no newline");
		cursor_trim_end(&line);
		if (take_title(line, &n_announced))
			r = begin_report(memleak, n_announced);
		else if (cursor_starts_with(&line, "(b'"))
			r = diag_error_line(memleak->diag, READER_E_UNSUPPORTED,
					    input_line_number(memleak->input),
					    "the events that memleak -t prints are not supported; "
					    "leave out -t");
		else if (memleak->report)
			r = read_in_report(memleak, line);
	}
	r = r ? r : input_status(memleak->input);
	return r ? r : end_report(memleak);
}

static int read_memleak(struct profile *profile, struct input *input, struct diag *diag)
{
	struct memleak memleak = {.input = input, .diag = diag};
	int r;

	report_log_init(&memleak.log, profile);
	r = read_lines(&memleak);
	r = r ? r : report_log_finish(&memleak.log, input, "report", diag);
	if (!r)
		diag_warn(diag, "memleak prints only the largest stacks, as many as -T says, and "
				"blocks older than -o; what it left out is not in the text");
	drop_report(&memleak);
	report_log_deinit(&memleak.log);
	return r;
}

static enum probe probe_memleak(struct cursor head)
{
	struct cursor line;
	int64_t n;

	if (cursor_starts_with(&head, "Attaching to pid ") ||
	    cursor_starts_with(&head, "Attaching to kernel allocators"))
		return PROBE_YES;
	while (heap_text_next_line(&head, &line)) {
		cursor_trim_end(&line);
		if (take_title(line, &n))
			return PROBE_YES;
	}
	return PROBE_NO;
}

const struct reader reader_memleak = {
	.name = "memleak",
	.summary = "what memleak prints, of bcc or of libbpf-tools",
	.group = READER_LEAKS,
	.made_by = "memleak-bpfcc -T 1000 -p PID >FILE",
	.probe = probe_memleak,
	.read = read_memleak,
};
