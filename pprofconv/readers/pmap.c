/* SPDX-License-Identifier: MIT */
/* Reads what pmap -x and pmap -X print of one process or several. A header names the columns; rows
 * follow; the last line has the sum of each column of numbers, which is checked. */
#include <errno.h>

#include "readers/heap_text.h"
#include "readers/memory_rows.h"
#include "readers/reader.h"
#include "readers/readers.h"
#include "readers/report_log.h"

#define KIB          1024
#define COLUMNS_MAX  64
#define SHARE_CHANGE 8 /* a total of shares may be off by one in so many */

static const struct {
	const char *title, *type;
} known[] = {
	{"RSS", "rss"},   {"Rss", "rss"},     {"Pss", "pss"},   {"Private_Dirty", "private_dirty"},
	{"Swap", "swap"}, {"Kbytes", "size"}, {"Size", "size"}, {"Dirty", "dirty"},
};

struct column {
	bool is_number, is_permissions;
	bool is_share; /* rounded down in each row, but not in the totals */
	int value;     /* of a row, or -1 */
	int64_t sum;
};

struct pmap {
	struct input *input;
	struct diag *diag;
	struct report_log log;
	struct profile *report; /* ours; NULL: no header has been read */
	struct memory_rows rows;
	struct column columns[COLUMNS_MAX];
	size_t n_columns;
	int n_values;
	int size; /* the value that is the size */
	int64_t n_rows;
};

static int corrupt(struct pmap *pmap, const char *what)
{
	return diag_error_line(pmap->diag, READER_E_CORRUPT, input_line_number(pmap->input), "%s",
			       what);
}

/* --- the header ---------------------------------------------------------------------------- */

static bool is_header(struct cursor line)
{
	struct cursor word;

	cursor_skip_spaces(&line);
	word = cursor_take_word(&line);
	return cursor_equals(&word, "Address") && cursor_find(&line, "Mapping");
}

/* Adds a column; `Mapping` is the last, and holds the rest of a line. */
static void add_column(struct pmap *pmap, struct cursor title)
{
	static const char *const texts[] = {"Address", "Perm", "Mode", "Offset", "Device", "Inode"};
	struct column *column = &pmap->columns[pmap->n_columns++];

	*column = (struct column){.is_number = true, .value = -1};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		column->is_number &= !cursor_equals(&title, texts[i]);
	column->is_permissions = cursor_equals(&title, "Perm") || cursor_equals(&title, "Mode");
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (cursor_equals(&title, known[i].title) && pmap->n_values < MEMORY_VALUES_MAX) {
			column->value = pmap->n_values++;
			profile_add_sample_type(pmap->report, known[i].type, "bytes");
			if (strcmp(known[i].type, "size") == 0)
				pmap->size = column->value;
		}
	column->is_share = cursor_find(&title, "Pss");
}

static int read_header(struct pmap *pmap, struct cursor line)
{
	struct cursor flags = line;

	if (cursor_find(&flags, "VmFlags"))
		return diag_error_line(pmap->diag, READER_E_UNSUPPORTED,
				       input_line_number(pmap->input),
				       "pmap -XX is not supported; use -X");
	pmap->report = report_log_begin(&pmap->log);
	if (!pmap->report)
		return diag_errno(pmap->diag, -ENOMEM);
	pmap->report->default_sample_type = profile_intern(pmap->report, "rss");
	pmap->report->tool = "pmap";
	pmap->n_columns = 0;
	pmap->n_rows = 0;
	pmap->n_values = 0;
	pmap->size = -1;
	while (pmap->n_columns < COLUMNS_MAX) {
		struct cursor title;

		cursor_skip_spaces(&line);
		title = cursor_take_word(&line);
		if (cursor_at_end(&title) || cursor_equals(&title, "Mapping"))
			break;
		add_column(pmap, title);
	}
	if (pmap->size < 0)
		return corrupt(pmap, "a header without a column of sizes");
	return 0;
}

/* --- rows ---------------------------------------------------------------------------------- */

/* Sets *out to the number that is all of a word, in kB. */
static bool take_kib(struct cursor word, int64_t *out)
{
	*out = cursor_take_signed(&word);
	return !word.failed && cursor_at_end(&word) && *out >= 0 && *out <= INT64_MAX / KIB;
}

static void set_permissions(struct memory_row *row, struct cursor word)
{
	memcpy(row->permissions, "---p", 5);
	for (size_t i = 0; i < 3 && i < cursor_left(&word); i++)
		row->permissions[i] = word.at[i];
	if (cursor_left(&word) > 3 && word.at[3] == 's')
		row->permissions[3] = 's';
}

static bool take_column(struct pmap *pmap, struct column *column, struct cursor word,
			struct memory_row *row)
{
	int64_t number;

	if (column == pmap->columns) {
		row->start = cursor_take_hex(&word);
		return !word.failed && cursor_at_end(&word);
	}
	if (column->is_permissions && (cursor_left(&word) < 4 || !strchr("r-", *word.at)))
		return false;
	if (column->is_permissions)
		set_permissions(row, word);
	if (!column->is_number)
		return true;
	if (!take_kib(word, &number) || __builtin_add_overflow(column->sum, number, &column->sum))
		return false;
	if (column->value >= 0)
		row->values[column->value] = number * KIB;
	return true;
}

/* Returns the name as smaps has it: none for "[ anon ]", and "[stack]" for "[ stack ]". */
static struct cursor plain_name(struct cursor name)
{
	static const char stack[] = "[stack]";

	cursor_skip_spaces(&name);
	cursor_trim_end(&name);
	if (cursor_equals(&name, "[ anon ]"))
		return cursor_make("", 0);
	return cursor_equals(&name, "[ stack ]") ? cursor_make(stack, sizeof(stack) - 1) : name;
}

static int read_row(struct pmap *pmap, struct cursor line)
{
	struct memory_row row = {0};
	int r;

	for (size_t i = 0; i < pmap->n_columns; i++) {
		struct cursor word;

		cursor_skip_spaces(&line);
		word = cursor_take_word(&line);
		if (cursor_at_end(&word) || !take_column(pmap, &pmap->columns[i], word, &row))
			return corrupt(pmap, "a row that doesn't have the columns of the header");
	}
	pmap->n_rows++;
	row.end = row.start + (uint64_t)row.values[pmap->size];
	r = memory_rows_add(&pmap->rows, &row, plain_name(line));
	return r ? diag_errno(pmap->diag, r) : 0;
}

/* --- the sums ------------------------------------------------------------------------------ */

/* Returns whether the number may be the column's total. A share of less than 1 KiB is lost in a
 * row, and not in the total, which is the kernel's. pmap reads rows and totals at two moments;
 * of a process that waits, shares alone change meanwhile, with other processes. */
static bool is_total(const struct column *column, int64_t number, int64_t n_rows)
{
	int64_t lost = number - column->sum;

	if (!column->is_share)
		return lost == 0;
	return lost >= -(number / SHARE_CHANGE) && lost <= n_rows + number / SHARE_CHANGE;
}

/* totals = [ "total kB" ] { number } [ "KB" ] */
static int read_totals(struct pmap *pmap, struct cursor line)
{
	struct profile *report = pmap->report;

	cursor_accept_text(&line, "total kB");
	for (size_t i = 0; i < pmap->n_columns; i++) {
		struct cursor word;
		int64_t number;

		if (!pmap->columns[i].is_number)
			continue;
		cursor_skip_spaces(&line);
		word = cursor_take_word(&line);
		if (!take_kib(word, &number) || !is_total(&pmap->columns[i], number, pmap->n_rows))
			return corrupt(pmap, "the rows do not add up to the totals of this line");
	}
	pmap->report = NULL;
	memory_rows_finish(&pmap->rows, report);
	report_log_end(&pmap->log, report);
	return 0;
}

static bool is_totals(struct cursor line)
{
	cursor_trim_end(&line);
	return cursor_starts_with(&line, "total kB") ||
	       (cursor_left(&line) > 3 && memcmp(line.end - 3, " KB", 3) == 0);
}

/* Returns whether the line is the rule above the totals. */
static bool is_rule(struct cursor line)
{
	cursor_skip_spaces(&line);
	return cursor_starts_with(&line, "--") || cursor_starts_with(&line, "==");
}

static int read_line(struct pmap *pmap, struct cursor line)
{
	cursor_trim_end(&line);
	if (!pmap->report)
		return is_header(line) ? read_header(pmap, line) : 0;
	if (cursor_at_end(&line) || is_rule(line))
		return 0;
	return is_totals(line) ? read_totals(pmap, line) : read_row(pmap, line);
}

static int read_lines(struct pmap *pmap)
{
	struct cursor line;
	int r = 0;

	while (!r && input_next_line(pmap->input, &line))
		r = read_line(pmap, line);
	r = r ? r : input_status(pmap->input);
	if (!r && pmap->report)
		r = corrupt(pmap, "truncated: the totals are missing");
	return r;
}

static int read_pmap(struct profile *profile, struct input *input, struct diag *diag)
{
	struct pmap pmap = {.input = input, .diag = diag};
	int r;

	report_log_init(&pmap.log, profile);
	r = read_lines(&pmap);
	r = r ? r : report_log_finish(&pmap.log, input, "process", diag);
	profile_free(pmap.report);
	memory_rows_deinit(&pmap.rows);
	report_log_deinit(&pmap.log);
	return r;
}

/* The header is the second line, after the process. */
static enum probe probe_pmap(struct cursor head)
{
	struct cursor line;

	for (int i = 0; i < 2 && heap_text_next_line(&head, &line); i++)
		if (is_header(line))
			return PROBE_YES;
	return PROBE_NO;
}

const struct reader reader_pmap = {
	.name = "pmap",
	.summary = "what pmap -x and pmap -X print",
	.group = READER_MEMORY,
	.made_by = "pmap -X PID >FILE",
	.probe = probe_pmap,
	.read = read_pmap,
};
