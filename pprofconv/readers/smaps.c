/* SPDX-License-Identifier: MIT */
/* Reads /proc/PID/smaps, or several, one after the other: where addresses begin again, the next
 * report begins. A mapping is a line of /proc/PID/maps, and a line for each value in kB. Keys that
 * are not known are skipped. */
#include <errno.h>

#include "base/path.h"
#include "readers/memory_rows.h"
#include "readers/reader.h"
#include "readers/readers.h"
#include "readers/report_log.h"

#define KIB 1024

enum value {
	VALUE_RSS,
	VALUE_PSS,
	VALUE_PRIVATE_DIRTY,
	VALUE_SWAP,
	VALUE_SIZE,
	VALUE_MAPPINGS,
	VALUES,
};

static const struct {
	const char *key, *type;
} values[VALUES] = {
	[VALUE_RSS] = {"Rss:", "rss"},
	[VALUE_PSS] = {"Pss:", "pss"},
	[VALUE_PRIVATE_DIRTY] = {"Private_Dirty:", "private_dirty"},
	[VALUE_SWAP] = {"Swap:", "swap"},
	[VALUE_SIZE] = {"Size:", "size"},
	[VALUE_MAPPINGS] = {NULL, "mappings"},
};

struct smaps {
	struct input *input;
	struct diag *diag;
	struct report_log log;
	struct memory_rows rows;
	struct memory_row row; /* that is being read */
	VEC(char) path;
	bool has_row, has_size, has_rss;
	bool has_flags, needs_flags; /* VmFlags is the last line of a mapping, in all since 3.8 */
};

static int corrupt(struct smaps *smaps, const char *what)
{
	return diag_error_line(smaps->diag, READER_E_CORRUPT, input_line_number(smaps->input), "%s",
			       what);
}

/* --- one mapping --------------------------------------------------------------------------- */

static int octal_digit(char c)
{
	return c >= '0' && c <= '7' ? c - '0' : -1;
}

/* Keeps a path, in which the kernel writes a newline as \012. */
static int keep_path(struct smaps *smaps, struct cursor path)
{
	smaps->path.n = 0;
	while (!cursor_at_end(&path)) {
		char c = *path.at++;

		if (c == '\\' && cursor_left(&path) >= 3 && octal_digit(path.at[0]) >= 0 &&
		    octal_digit(path.at[1]) >= 0 && octal_digit(path.at[2]) >= 0) {
			c = (char)(octal_digit(path.at[0]) * 64 + octal_digit(path.at[1]) * 8 +
				   octal_digit(path.at[2]));
			path.at += 3;
		}
		if (vec_push(&smaps->path, c) < 0)
			return diag_errno(smaps->diag, -ENOMEM);
	}
	return 0;
}

static int end_row(struct smaps *smaps)
{
	struct cursor path = cursor_make(smaps->path.items ? smaps->path.items : "", smaps->path.n);
	int r;

	if (!smaps->has_row)
		return 0;
	if (!smaps->has_size || !smaps->has_rss || (smaps->needs_flags && !smaps->has_flags))
		return corrupt(smaps, "truncated: the mapping before this line is not whole");
	if (smaps->row.values[VALUE_SIZE] != (int64_t)(smaps->row.end - smaps->row.start))
		return corrupt(smaps, "the size of a mapping is not that of its addresses");
	smaps->has_row = false;
	r = memory_rows_add(&smaps->rows, &smaps->row, path);
	return r ? diag_errno(smaps->diag, r) : 0;
}

static int end_report(struct smaps *smaps)
{
	struct profile *report;
	int r = end_row(smaps);

	if (r || !smaps->rows.rows.n)
		return r;
	report = report_log_begin(&smaps->log);
	if (!report)
		return diag_errno(smaps->diag, -ENOMEM);
	for (int i = 0; i < VALUES; i++)
		profile_add_sample_type(report, values[i].type, values[i].key ? "bytes" : "count");
	report->default_sample_type = profile_intern(report, "rss");
	report->tool = "the kernel's smaps";
	memory_rows_finish(&smaps->rows, report);
	report_log_end(&smaps->log, report);
	return 0;
}

static int begin_row(struct smaps *smaps, const struct memory_row *row, struct cursor path)
{
	uint64_t last = smaps->row.end;
	bool begins_again = smaps->has_row && row->start < last;
	int r = end_row(smaps);

	if (!r && begins_again)
		r = end_report(smaps);
	if (r)
		return r;
	smaps->row = *row;
	smaps->row.values[VALUE_MAPPINGS] = 1;
	smaps->has_row = true;
	smaps->has_size = smaps->has_rss = smaps->has_flags = false;
	return keep_path(smaps, path);
}

/* --- lines --------------------------------------------------------------------------------- */

static int read_value(struct smaps *smaps, struct cursor line, enum value value)
{
	int64_t number;

	cursor_skip_spaces(&line);
	number = cursor_take_signed(&line);
	if (line.failed || number < 0 || number > INT64_MAX / KIB || !cursor_equals(&line, " kB"))
		return corrupt(smaps, "expected a number of kB");
	smaps->row.values[value] = number * KIB;
	smaps->has_size |= value == VALUE_SIZE;
	smaps->has_rss |= value == VALUE_RSS;
	return 0;
}

static int read_line(struct smaps *smaps, struct cursor line)
{
	struct memory_row row = {0};
	struct cursor path, word;

	if (memory_rows_take_mapping(line, &row, &path))
		return begin_row(smaps, &row, path);
	word = cursor_take_word(&line);
	if (!smaps->has_row)
		return corrupt(smaps, "expected a mapping, such as '7f00-7f01 rw-p 0 00:00 0'");
	for (int i = 0; i < VALUES; i++)
		if (values[i].key && cursor_equals(&word, values[i].key))
			return read_value(smaps, line, (enum value)i);
	if (cursor_equals(&word, "VmFlags:"))
		smaps->has_flags = smaps->needs_flags = true;
	return 0;
}

static int read_lines(struct smaps *smaps)
{
	struct cursor line;
	int r = 0;

	while (!r && input_next_line(smaps->input, &line)) {
		if (input_line_is_cut(smaps->input))
			return corrupt(smaps, "truncated: the last line has no newline");
		if (!cursor_at_end(&line))
			r = read_line(smaps, line);
	}
	r = r ? r : input_status(smaps->input);
	return r ? r : end_report(smaps);
}

static int read_smaps(struct profile *profile, struct input *input, struct diag *diag)
{
	struct smaps smaps = {.input = input, .diag = diag};
	int r;

	report_log_init(&smaps.log, profile);
	r = read_lines(&smaps);
	r = r ? r : report_log_finish(&smaps.log, input, "smaps", diag);
	memory_rows_deinit(&smaps.rows);
	vec_deinit(&smaps.path);
	report_log_deinit(&smaps.log);
	return r;
}

/* The first line is a mapping and the second a size; /proc/PID/maps has no such line. */
static enum probe probe_smaps(struct cursor head)
{
	struct memory_row row;
	struct cursor path, line = head;
	const char *end = memchr(head.at, '\n', cursor_left(&head));

	if (!end)
		return PROBE_NO;
	line.end = end;
	head.at = end + 1;
	return memory_rows_take_mapping(line, &row, &path) && cursor_starts_with(&head, "Size: ")
		       ? PROBE_YES
		       : PROBE_NO;
}

const struct reader reader_smaps = {
	.name = "smaps",
	.summary = "the memory of a process by mapping, as the kernel counts it",
	.group = READER_MEMORY,
	.made_by = "cat /proc/PID/smaps >FILE",
	.probe = probe_smaps,
	.read = read_smaps,
};
