/* SPDX-License-Identifier: MIT */
/* Reads the log of valgrind's memcheck. Each line of valgrind begins with a mark and the number of
 * its process; lines of the program and suppressions may come between them. A log may be of several
 * processes, whose lines alternate, and each of them may search for leaks several times. A search
 * is a report: its records, then a summary with the sum of each kind, which is checked. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "readers/heap_text.h"
#include "readers/memcheck_record.h"
#include "readers/reader.h"
#include "readers/readers.h"
#include "readers/report_log.h"
#include "readers/valgrind_frame.h"

#define OPEN_MAX    64 /* searches of so many processes may be open at a time */
#define WARNING_MAX 256

#define NO_RECORDS "the log has the totals of its leaks only; run valgrind with --leak-check=full"

/* What one process has written of its next search. */
struct open_search {
	uint64_t pid;
	struct leak_search search; /* its profile is ours */
	struct leak_counts summary[LEAK_KINDS];
	struct loss_record record;
	bool is_in_record, is_in_summary, is_difference;
	char warning[WARNING_MAX];
};

struct memcheck {
	struct input *input;
	struct diag *diag;
	struct report_log log;
	VEC(struct open_search *) open;
	char warning[WARNING_MAX]; /* of the chosen search */
};

/* --- lines --------------------------------------------------------------------------------- */

/* line = mark [ time " " ] pid mark " " body; the marks are equal. Leaves the body in *line. */
static bool take_prefix(struct cursor *line, uint64_t *out_pid)
{
	static const char marks[] = "=-*";
	struct cursor at = *line;
	int mark = cursor_peek(&at);
	struct cursor word;

	if (mark <= 0 || !strchr(marks, mark) || !cursor_accept(&at, (char)mark) ||
	    !cursor_accept(&at, (char)mark))
		return false;
	word = at;
	cursor_take_word(&word);
	if (memchr(at.at, ':', (size_t)(word.at - at.at))) {
		cursor_skip_spaces(&word); /* it was the time */
		at = word;
	}
	*out_pid = cursor_take_decimal(&at);
	if (at.failed || !cursor_accept(&at, (char)mark) || !cursor_accept(&at, (char)mark))
		return false;
	cursor_accept(&at, ' ');
	*line = at;
	cursor_trim_end(line);
	return true;
}

/* line = ("at" | "by") " " frame */
static bool take_frame(struct open_search *open, struct cursor body)
{
	cursor_skip_spaces(&body);
	if (!cursor_accept_text(&body, "at ") && !cursor_accept_text(&body, "by "))
		return false;
	return valgrind_frame_push(&open->search.stack, body);
}

/* --- searches ------------------------------------------------------------------------------ */

static void open_free(struct open_search *open)
{
	if (!open)
		return;
	leak_search_deinit(&open->search);
	profile_free(open->search.profile);
	free(open);
}

static struct open_search *find_open(const struct memcheck *memcheck, uint64_t pid)
{
	vec_foreach (at, &memcheck->open)
		if ((*at)->pid == pid)
			return *at;
	return NULL;
}

/* Begins a search of a process. Fails if there are too many processes. */
static int open_new(struct memcheck *memcheck, uint64_t pid, struct open_search **out_open)
{
	struct open_search *open;
	struct profile *profile;

	if (memcheck->open.n == OPEN_MAX)
		return diag_error_line(memcheck->diag, READER_E_UNSUPPORTED,
				       input_line_number(memcheck->input),
				       "searches of more than %d processes overlap", OPEN_MAX);
	open = calloc(1, sizeof(*open));
	profile = report_log_begin(&memcheck->log);
	if (!open || !profile || vec_push(&memcheck->open, open) < 0) {
		profile_free(profile);
		free(open);
		return diag_errno(memcheck->diag, -ENOMEM);
	}
	open->pid = pid;
	leak_search_init(&open->search, profile);
	*out_open = open;
	return 0;
}

static void drop_open(struct memcheck *memcheck, struct open_search *open)
{
	for (size_t i = 0; i < memcheck->open.n; i++)
		if (memcheck->open.items[i] == open)
			memcheck->open.items[i] = memcheck->open.items[--memcheck->open.n];
	open_free(open);
}

static void end_record(struct open_search *open)
{
	if (open->is_in_record)
		leak_search_add(&open->search, &open->record);
	open->is_in_record = false;
}

/* Describes the kinds of which a summary has more than its records, which memcheck hid. */
static void describe_hidden(struct open_search *open)
{
	size_t n = 0;

	for (int i = 0; i < LEAK_KINDS; i++) {
		int64_t bytes = open->summary[i].bytes - open->search.shown[i].bytes;

		if (bytes <= 0 || n >= sizeof(open->warning))
			continue;
		n += (size_t)snprintf(open->warning + n, sizeof(open->warning) - n,
				      "%s%" PRIi64 " bytes %s", n ? ", " : "", bytes,
				      leak_kind_names[i]);
	}
}

/* Checks the records of each kind against the summary. A kind may have no record at all, since
 * memcheck shows only the kinds that --show-leak-kinds names. A search that shows what has changed
 * leaves out records that have not. */
static int check_summary(struct memcheck *memcheck, struct open_search *open)
{
	for (int i = 0; i < LEAK_KINDS; i++) {
		const struct leak_counts *shown = &open->search.shown[i];
		const struct leak_counts *all = &open->summary[i];
		bool may_hide = open->is_difference || (!shown->bytes && !shown->blocks);

		if (shown->bytes > all->bytes || shown->blocks > all->blocks ||
		    (!may_hide && (shown->bytes != all->bytes || shown->blocks != all->blocks)))
			return diag_error_line(
				memcheck->diag, READER_E_CORRUPT,
				input_line_number(memcheck->input),
				"the records of what is %s have %" PRIi64 " bytes in %" PRIi64
				" blocks, but the summary says %" PRIi64 " in %" PRIi64,
				leak_kind_names[i], shown->bytes, shown->blocks, all->bytes,
				all->blocks);
	}
	if (!open->search.n_records &&
	    open->summary[LEAK_DEFINITE].bytes + open->summary[LEAK_POSSIBLE].bytes > 0)
		return diag_error_line(memcheck->diag, READER_E_UNSUPPORTED,
				       input_line_number(memcheck->input), NO_RECORDS);
	describe_hidden(open);
	return 0;
}

static void add_comment(struct profile *profile, const char *key, uint64_t value)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%s: %" PRIu64, key, value);

	profile_add_comment(profile, text, (size_t)n);
}

static int end_search(struct memcheck *memcheck, struct open_search *open)
{
	int r = profile_status(open->search.profile);

	if (!r)
		add_comment(open->search.profile, "pid", open->pid);
	if (r == -ENOMEM)
		return diag_errno(memcheck->diag, r);
	if (report_log_wants_next(&memcheck->log))
		memcpy(memcheck->warning, open->warning, sizeof(open->warning));
	report_log_end(&memcheck->log, open->search.profile);
	open->search.profile = NULL;
	drop_open(memcheck, open);
	return 0;
}

/* total = kind ": " amount " bytes in " amount " blocks"; the last line of a summary is that of
 * what was suppressed. */
static int read_total(struct memcheck *memcheck, struct open_search *open, struct cursor body)
{
	int r;

	cursor_skip_spaces(&body);
	for (int i = 0; i < LEAK_KINDS; i++) {
		struct cursor at = body;

		if (!cursor_accept_text(&at, leak_kind_names[i]) || !cursor_accept_text(&at, ": "))
			continue;
		open->summary[i].bytes = memcheck_take_amount(&at, &open->is_difference);
		if (!cursor_accept_text(&at, " bytes in "))
			at.failed = true;
		open->summary[i].blocks = memcheck_take_amount(&at, NULL);
		if (at.failed || !cursor_accept_text(&at, " blocks"))
			return diag_error_line(memcheck->diag, READER_E_CORRUPT,
					       input_line_number(memcheck->input),
					       "expected a number of bytes and of blocks");
		return 0;
	}
	if (!cursor_starts_with(&body, "suppressed: "))
		return 0;
	r = check_summary(memcheck, open);
	return r ? r : end_search(memcheck, open);
}

static bool is_like_record(struct cursor body)
{
	return cursor_find(&body, " bytes in ") && cursor_find(&body, "loss record ");
}

/* Reads a line that is not of a record's stack or of a summary. If it begins a record or a summary,
 * or says that there are no leaks, it is part of a search; `open` is NULL if the process has none
 * yet. */
static int read_outside(struct memcheck *memcheck, struct open_search *open, uint64_t pid,
			struct cursor body)
{
	struct loss_record record;
	bool is_record = memcheck_take_record(body, &record);
	bool is_summary = cursor_equals(&body, "LEAK SUMMARY:");
	bool is_clean = cursor_starts_with(&body, "All heap blocks were freed");
	int r;

	if (!is_record && is_like_record(body))
		return diag_error_line(memcheck->diag, READER_E_CORRUPT,
				       input_line_number(memcheck->input),
				       "a loss record whose counts are damaged");
	if (!is_record && !is_summary && !is_clean)
		return 0;
	r = open ? 0 : open_new(memcheck, pid, &open);
	if (r || !open)
		return r;
	open->is_in_record = is_record;
	open->is_in_summary = is_summary;
	if (is_record)
		open->record = record;
	return is_clean ? end_search(memcheck, open) : 0;
}

static int read_line(struct memcheck *memcheck, struct cursor line)
{
	struct open_search *open;
	uint64_t pid;

	if (!take_prefix(&line, &pid))
		return 0;
	open = find_open(memcheck, pid);
	if (open && open->is_in_record && take_frame(open, line))
		return 0;
	if (open)
		end_record(open);
	if (open && open->is_in_summary)
		return read_total(memcheck, open, line);
	return read_outside(memcheck, open, pid, line);
}

static int read_lines(struct memcheck *memcheck)
{
	struct cursor line;
	int r = 0;

	while (!r && input_next_line(memcheck->input, &line))
		r = read_line(memcheck, line);
	return r ? r : input_status(memcheck->input);
}

static int check_end(struct memcheck *memcheck)
{
	const struct report_log *log = &memcheck->log;
	bool is_cut = memcheck->open.n > 0;

	if (is_cut && (!log->n_ended || log->wanted > log->n_ended))
		return diag_error_line(memcheck->diag, READER_E_CORRUPT,
				       input_line_number(memcheck->input),
				       "truncated: the search for leaks has no summary");
	if (!log->n_ended)
		return diag_error(memcheck->diag, READER_E_UNSUPPORTED,
				  "the log has no search for leaks; run valgrind with "
				  "--leak-check=full");
	if (is_cut)
		diag_warn(memcheck->diag,
			  "the last search for leaks has no summary; the one before it was read");
	return 0;
}

static void warn_hidden(struct memcheck *memcheck)
{
	if (*memcheck->warning)
		diag_warn(memcheck->diag,
			  "valgrind left out the records of %s; to see them, run "
			  "it with --show-leak-kinds=all",
			  memcheck->warning);
}

static int read_memcheck(struct profile *profile, struct input *input, struct diag *diag)
{
	struct memcheck memcheck = {.input = input, .diag = diag};
	int r;

	report_log_init(&memcheck.log, profile);
	r = read_lines(&memcheck);
	r = r ? r : check_end(&memcheck);
	r = r ? r : report_log_finish(&memcheck.log, input, "search for leaks", diag);
	if (!r)
		warn_hidden(&memcheck);
	vec_foreach (open, &memcheck.open)
		open_free(*open);
	vec_deinit(&memcheck.open);
	report_log_deinit(&memcheck.log);
	return r;
}

/* --- probing ------------------------------------------------------------------------------- */

static bool is_of_memcheck(struct cursor body)
{
	struct loss_record record;

	return cursor_starts_with(&body, "Memcheck, a memory error detector") ||
	       cursor_equals(&body, "HEAP SUMMARY:") || cursor_equals(&body, "LEAK SUMMARY:") ||
	       memcheck_take_record(body, &record);
}

static enum probe probe_memcheck(struct cursor head)
{
	struct cursor line;
	uint64_t pid;

	while (heap_text_next_line(&head, &line))
		if (take_prefix(&line, &pid) && is_of_memcheck(line))
			return PROBE_YES;
	return PROBE_NO;
}

const struct reader reader_memcheck = {
	.name = "memcheck",
	.summary = "the log of valgrind's memcheck, with its searches for leaks",
	.group = READER_LEAKS,
	.made_by = "valgrind --leak-check=full --show-leak-kinds=all --log-file=FILE PROGRAM",
	.probe = probe_memcheck,
	.read = read_memcheck,
};
