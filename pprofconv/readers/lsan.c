/* SPDX-License-Identifier: MIT */
/* Reads the reports of LeakSanitizer, alone or as a part of AddressSanitizer, and those of
 * `heapprof leaks`, among the other output of a program:
 *
 *	==PID==ERROR: LeakSanitizer: detected memory leaks           or heapprof
 *	Direct leak of N byte(s) in N object(s) allocated from:      or Indirect
 *	    #0 0xADDRESS in NAME FILE:LINE:COLUMN
 *	    #1 0xADDRESS [in NAME] (MODULE+0xOFFSET) [(BuildId: ID)]
 *	SUMMARY: AddressSanitizer: N byte(s) leaked in N allocation(s).
 *
 * What an indirect leak counts is not counted by a direct one. A frame without a name gets its
 * module as its mapping, so that its name can still be found. */
#include <errno.h>
#include <inttypes.h>

#include "readers/heap_types.h"
#include "readers/named_stack.h"
#include "readers/reader.h"
#include "readers/readers.h"
#include "readers/report_log.h"

#define TITLE   "ERROR: LeakSanitizer: detected memory leaks"
#define OURS    "ERROR: heapprof: detected memory leaks"
#define ESCAPE  '\033'
#define MODULES 4096 /* of one report, at most */

struct module {
	uint64_t start;
	uint32_t path, build_id; /* strings of the profile */
	uint32_t mapping;
};

struct lsan {
	struct input *input;
	struct diag *diag;
	struct report_log log;
	struct profile *report; /* ours; NULL: outside of a report */
	struct named_stack stack;
	VEC(struct module) modules;
	VEC(char) plain; /* the line without colours */
	bool is_in_record, has_frames, is_direct;
	bool has_names;     /* in this report */
	int64_t record[2];  /* objects and bytes */
	int64_t sums[2];    /* of the report */
	int64_t omitted[2]; /* by the chosen report */
	bool has_summary;   /* the chosen report */
};

static int corrupt(struct lsan *lsan, int code, const char *what)
{
	return diag_error_line(lsan->diag, code, input_line_number(lsan->input), "%s", what);
}

/* --- frames -------------------------------------------------------------------------------- */

/* Returns the mapping of a module that is loaded at `start`, and adds it if it is new. */
static uint32_t find_mapping(struct lsan *lsan, const struct module *wanted)
{
	struct module module = *wanted;

	vec_foreach (known, &lsan->modules)
		if (known->start == module.start && known->path == module.path &&
		    known->build_id == module.build_id)
			return known->mapping;
	if (lsan->modules.n == MODULES) {
		profile_fail(lsan->report, -EOVERFLOW);
		return PROFILE_NONE;
	}
	module.mapping = profile_add_mapping(lsan->report, &(struct profile_mapping){
								   .start = module.start,
								   .limit = module.start,
								   .file = module.path,
								   .build_id = module.build_id,
							   });
	if (vec_push(&lsan->modules, module) < 0)
		profile_fail(lsan->report, -ENOMEM);
	return module.mapping;
}

/* Returns where `text` occurs last, or NULL if it doesn't. */
static const char *find_last(struct cursor in, const char *text)
{
	const char *last = NULL;

	for (; cursor_find(&in, text); in.at++)
		last = in.at;
	return last;
}

/* Cuts " (BuildId: ID)" off the end of a frame. */
static struct cursor take_build_id(struct cursor *text)
{
	static const char start[] = " (BuildId: ";
	const char *at = find_last(*text, start);
	struct cursor id;

	if (!at || text->end[-1] != ')')
		return cursor_make("", 0);
	id = cursor_make(at + sizeof(start) - 1, (size_t)(text->end - at) - sizeof(start));
	text->end = at;
	return id;
}

/* module = " (" path "+0x" offset ")" at the end of a frame. Cuts it off, and returns the mapping,
 * or PROFILE_NONE if there is no module. */
static uint32_t take_module(struct lsan *lsan, struct cursor *text, uint64_t address)
{
	struct cursor id = take_build_id(text);
	const char *at = find_last(*text, " ("), *plus = find_last(*text, "+0x");
	struct module module;
	struct cursor offset;
	uint64_t distance;

	if (!at || !plus || plus < at || text->end[-1] != ')')
		return PROFILE_NONE;
	offset = cursor_make(plus + 3, (size_t)(text->end - plus - 3));
	distance = cursor_take_hex(&offset);
	if (offset.failed || !cursor_equals(&offset, ")") || distance > address)
		return PROFILE_NONE;
	module = (struct module){
		.start = address - distance,
		.path = profile_intern_bytes(lsan->report, at + 2, (size_t)(plus - at - 2)),
		.build_id = profile_intern_bytes(lsan->report, id.at, cursor_left(&id)),
	};
	text->end = at;
	return find_mapping(lsan, &module);
}

/* Cuts ":NUMBER" off the end; returns 0 if it isn't there. */
static int64_t take_last_number(struct cursor *text)
{
	const char *at = memrchr(text->at, ':', cursor_left(text));
	struct cursor number;
	int64_t value;

	if (!at)
		return 0;
	number = cursor_make(at + 1, (size_t)(text->end - at - 1));
	value = cursor_take_signed(&number);
	if (number.failed || !cursor_at_end(&number) || value <= 0)
		return 0;
	text->end = at;
	return value;
}

/* place = " " file [ ":" line [ ":" column ] ] at the end of a frame. Names may hold spaces; a file
 * is the last word, or begins at the last " /". */
static void take_place(struct named_frame *frame)
{
	struct cursor place = frame->name;
	const char *at = find_last(place, " /");
	int64_t last, first;

	at = at ? at : memrchr(place.at, ' ', cursor_left(&place));
	if (!at)
		return;
	place.at = at + 1;
	last = take_last_number(&place);
	first = last ? take_last_number(&place) : 0;
	if (!last && *place.at != '/')
		return; /* a part of the name */
	frame->line = first ? first : last;
	frame->column = first ? last : 0;
	frame->file = place;
	frame->name.end = at;
}

/* frame = "#" number " 0x" address " " [ "in " name ] ( place | module ) */
static bool take_frame(struct lsan *lsan, struct cursor line)
{
	struct named_frame frame = {.mapping = PROFILE_NONE};
	bool is_named;

	cursor_skip_spaces(&line);
	cursor_expect(&line, '#');
	cursor_take_decimal(&line);
	if (line.failed || !cursor_accept_text(&line, " 0x"))
		return false;
	frame.address = cursor_take_hex(&line);
	if (line.failed)
		return false;
	is_named = cursor_accept_text(&line, " in ");
	frame.file = frame.name = cursor_make("", 0);
	frame.mapping = take_module(lsan, &line, frame.address);
	if (is_named) {
		frame.name = line;
		if (frame.mapping == PROFILE_NONE)
			take_place(&frame);
		cursor_accept_text(&frame.name, "__interceptor_");
		frame.mapping = PROFILE_NONE; /* see symbolize.h: a mapping has all names or none */
		lsan->has_names = true;
	} else if (frame.mapping == PROFILE_NONE) {
		frame.name = cursor_make("(unknown module)", strlen("(unknown module)"));
	} else {
		profile_extend_mapping(lsan->report, frame.mapping, frame.address + 1);
	}
	named_stack_push(&lsan->stack, &frame);
	lsan->has_frames = true;
	return true;
}

/* --- records ------------------------------------------------------------------------------- */

static void accept_expected(struct cursor *text, const char *expected)
{
	if (!cursor_accept_text(text, expected))
		text->failed = true;
}

/* record = ("Direct"|"Indirect") " leak of " N " byte(s) in " N " object(s) allocated from:" */
static bool take_record(struct lsan *lsan, struct cursor line)
{
	bool is_direct = cursor_accept_text(&line, "Direct leak of ");

	if (!is_direct && !cursor_accept_text(&line, "Indirect leak of "))
		return false;
	lsan->is_direct = is_direct;
	lsan->record[1] = cursor_take_signed(&line);
	accept_expected(&line, " byte(s) in ");
	lsan->record[0] = cursor_take_signed(&line);
	accept_expected(&line, " object(s) allocated from:");
	return !line.failed && lsan->record[0] >= 0 && lsan->record[1] >= 0;
}

static int end_record(struct lsan *lsan)
{
	struct profile *report = lsan->report;
	struct profile_label label;
	struct profile_sample key = {0};

	if (!lsan->is_in_record)
		return 0;
	lsan->is_in_record = false;
	if (!lsan->has_frames)
		return corrupt(lsan, READER_E_UNSUPPORTED,
			       "a leak without frames of the usual form; leave out "
			       "stack_trace_format of the sanitizer's options");
	label = (struct profile_label){
		.key = profile_intern(report, "leak"),
		.text = profile_intern(report, lsan->is_direct ? "direct" : "indirect"),
	};
	key.stack = named_stack_take(&lsan->stack);
	key.labels = profile_add_labels(report, &label, 1);
	for (int i = 0; i < 2; i++)
		if (__builtin_add_overflow(lsan->sums[i], lsan->record[i], &lsan->sums[i]))
			profile_fail(report, -EOVERFLOW);
	profile_add_sample(report, key, lsan->record);
	return 0;
}

/* --- reports ------------------------------------------------------------------------------- */

static void drop_report(struct lsan *lsan)
{
	named_stack_deinit(&lsan->stack);
	profile_free(lsan->report);
	lsan->report = NULL;
	lsan->modules.n = 0;
}

static void end_report(struct lsan *lsan, bool has_summary, const int64_t omitted[2])
{
	struct profile *report = lsan->report;

	if (report_log_wants_next(&lsan->log)) {
		lsan->has_summary = has_summary;
		memcpy(lsan->omitted, omitted, sizeof(lsan->omitted));
	}
	lsan->report = NULL;
	drop_report(lsan);
	report_log_end(&lsan->log, report);
}

static int begin_report(struct lsan *lsan, const char *tool)
{
	drop_report(lsan); /* a report before it that was cut */
	lsan->report = report_log_begin(&lsan->log);
	if (!lsan->report)
		return diag_errno(lsan->diag, -ENOMEM);
	named_stack_init(&lsan->stack, lsan->report);
	heap_types_add(lsan->report, "leaked");
	heap_types_set_exact(lsan->report);
	lsan->report->tool = tool;
	lsan->has_names = lsan->is_in_record = false;
	lsan->sums[0] = lsan->sums[1] = 0;
	return 0;
}

/* summary = "SUMMARY: " tool ": " N " byte(s) leaked in " N " allocation(s)." It counts leaks that
 * the report omits because of max_leaks. */
static int read_summary(struct lsan *lsan, struct cursor line, bool omits)
{
	int64_t all[2], omitted[2];

	cursor_take_word(&line);
	cursor_accept(&line, ' ');
	all[1] = cursor_take_signed(&line);
	accept_expected(&line, " byte(s) leaked in ");
	all[0] = cursor_take_signed(&line);
	accept_expected(&line, " allocation(s)");
	for (int i = 0; i < 2; i++)
		omitted[i] = all[i] - lsan->sums[i];
	if (line.failed || all[0] < 0 || all[1] < 0)
		return corrupt(lsan, READER_E_CORRUPT, "expected the numbers of bytes and blocks");
	if (omitted[0] < 0 || omitted[1] < 0 || (!omits && (omitted[0] || omitted[1])))
		return diag_error_line(lsan->diag, READER_E_CORRUPT, input_line_number(lsan->input),
				       "the leaks have %" PRIi64 " bytes in %" PRIi64
				       " blocks, but this line says %" PRIi64 " in %" PRIi64,
				       lsan->sums[1], lsan->sums[0], all[1], all[0]);
	end_report(lsan, true, omitted);
	return 0;
}

static int read_in_report(struct lsan *lsan, struct cursor line, bool *omits)
{
	int r;

	if (lsan->is_in_record && take_frame(lsan, line))
		return 0;
	if (lsan->is_in_record && cursor_find(&line, "<empty stack>")) {
		lsan->has_frames = true;
		return 0;
	}
	r = end_record(lsan);
	if (r)
		return r;
	if (take_record(lsan, line)) {
		lsan->is_in_record = true;
		lsan->has_frames = false;
	} else if (cursor_starts_with(&line, "Omitting ")) {
		*omits = true;
	} else if (cursor_accept_text(&line, "SUMMARY: ")) {
		return read_summary(lsan, line, *omits);
	}
	return 0;
}

/* Removes the colours of a line that was meant for a terminal. */
static int remove_colours(struct lsan *lsan, struct cursor *line)
{
	if (!memchr(line->at, ESCAPE, cursor_left(line)))
		return 0;
	lsan->plain.n = 0;
	while (!cursor_at_end(line)) {
		char c = *line->at++;

		if (c == ESCAPE)
			while (!cursor_at_end(line) && *line->at++ != 'm')
				;
		else if (vec_push(&lsan->plain, c) < 0)
			return diag_errno(lsan->diag, -ENOMEM);
	}
	*line = cursor_make(lsan->plain.n ? lsan->plain.items : "", lsan->plain.n);
	return 0;
}

/* Returns whether the line begins a report, and sets *out_tool to what wrote it. */
static bool find_title(struct cursor line, const char **out_tool)
{
	struct cursor other = line;
	bool is_ours = cursor_find(&other, OURS);

	*out_tool = is_ours ? "heapprof leaks" : "LeakSanitizer";
	return is_ours || cursor_find(&line, TITLE);
}

static int read_lines(struct lsan *lsan)
{
	struct cursor line;
	bool omits = false;
	int r = 0;

	while (!r && input_next_line(lsan->input, &line)) {
		const char *tool;

		r = remove_colours(lsan, &line);
		cursor_trim_end(&line);
		if (r)
			break;
		if (find_title(line, &tool)) {
			r = begin_report(lsan, tool);
			omits = false;
		} else if (lsan->report) {
			r = read_in_report(lsan, line, &omits);
		}
	}
	return r ? r : input_status(lsan->input);
}

/* gcc's sanitizer leaves out the summary with symbolize=0, that is, if no frame has a name. Such a
 * report ends with the input. */
static int check_end(struct lsan *lsan)
{
	static const int64_t none[2];
	bool is_wanted = lsan->report && report_log_wants_next(&lsan->log);
	int r = lsan->report ? end_record(lsan) : 0;

	if (r)
		return r;
	if (lsan->report && !lsan->has_names && lsan->report->samples.n &&
	    !input_line_is_cut(lsan->input)) {
		end_report(lsan, false, none);
		return 0;
	}
	if (is_wanted && (lsan->log.wanted || !lsan->log.n_ended))
		return corrupt(lsan, READER_E_CORRUPT, "truncated: the report has no SUMMARY");
	if (lsan->report)
		diag_warn(lsan->diag, "the last report has no SUMMARY; the one before it was read");
	return 0;
}

static void warn_about(struct lsan *lsan)
{
	if (!lsan->has_summary)
		diag_warn(lsan->diag, "the report has no SUMMARY, so it is not known whether it is "
				      "whole");
	if (lsan->omitted[0] || lsan->omitted[1])
		diag_warn(lsan->diag,
			  "the report leaves out %" PRIi64 " bytes in %" PRIi64
			  " blocks, because of max_leaks",
			  lsan->omitted[1], lsan->omitted[0]);
}

static int read_lsan(struct profile *profile, struct input *input, struct diag *diag)
{
	struct lsan lsan = {.input = input, .diag = diag};
	int r;

	report_log_init(&lsan.log, profile);
	r = read_lines(&lsan);
	r = r ? r : check_end(&lsan);
	r = r ? r : report_log_finish(&lsan.log, input, "report", diag);
	if (!r)
		warn_about(&lsan);
	drop_report(&lsan);
	report_log_deinit(&lsan.log);
	vec_deinit(&lsan.modules);
	vec_deinit(&lsan.plain);
	return r;
}

static enum probe probe_lsan(struct cursor head)
{
	const char *tool;

	return find_title(head, &tool) ? PROBE_YES : PROBE_NO;
}

const struct reader reader_lsan = {
	.name = "lsan",
	.summary = "reports of LeakSanitizer, of AddressSanitizer and of heapprof leaks",
	.group = READER_LEAKS,
	.made_by = "cc -g -fsanitize=address PROGRAM.c -o PROGRAM && ./PROGRAM 2>FILE",
	.probe = probe_lsan,
	.read = read_lsan,
};
