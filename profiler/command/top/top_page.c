/* SPDX-License-Identifier: MIT */
#include "command/top/top_page.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "reports/format.h"

enum {
	CELL_MAX = 64,
	NAME_SHARE = 2, /* a function may take half of the room of its stack */
	NAME_MIN = 12,
	CHAIN_MIN = 6, /* columns for which another function is worth it */
};

void top_page_deinit(struct top_page *page)
{
	vec_deinit(&page->lines);
}

static size_t width_of(const struct top_page *page)
{
	return page->terminal.width && page->terminal.width < COLUMNS_MAX
		       ? (size_t)page->terminal.width
		       : COLUMNS_MAX;
}

static const char *plus_minus(const struct top_page *page)
{
	return page->terminal.is_utf8 ? "\u00b1" : "+-";
}

/* --- lines --------------------------------------------------------------------------------- */

static struct page_line *new_line(struct top_page *page, enum page_style style)
{
	struct page_line *line;

	if (vec_reserve(&page->lines, 1))
		return NULL;
	line = &page->lines.items[page->lines.n++];
	line->style = style;
	line->text[0] = '\0';
	return line;
}

int top_page_line(struct top_page *page, enum page_style style, const char *text)
{
	struct page_line *line = new_line(page, style);

	if (!line)
		return -ENOMEM;
	columns_copy(&page->terminal, text, width_of(page), line->text, sizeof(line->text));
	return 0;
}

/* Returns the size of the part of a text that fits into a line, broken at a space if there is one.
 * All of the text can be printed. */
static size_t size_of_line(const struct top_page *page, const char *text, size_t width)
{
	char fits[COLUMNS_BYTES];
	size_t n;

	columns_copy(&page->terminal, text, width, fits, sizeof(fits));
	n = strlen(fits);
	if (!text[n])
		return n;
	for (size_t i = n; i > n / 2; i--)
		if (text[i] == ' ')
			return i;
	return n;
}

int top_page_text(struct top_page *page, enum page_style style, size_t indent, const char *text,
		  size_t n_max)
{
	size_t width = width_of(page) > indent ? width_of(page) - indent : 1;
	char clean[COLUMNS_BYTES], line[2 * COLUMNS_BYTES];
	const char *at = clean;
	int r = 0;

	columns_copy(&page->terminal, text, SIZE_MAX, clean, sizeof(clean));
	for (size_t i = 0; !r && *at && i < n_max; i++) {
		size_t n = size_of_line(page, at, width);

		if (!n)
			break;
		snprintf(line, sizeof(line), "%*s%.*s", (int)indent, "", (int)n, at);
		r = top_page_line(page, style, line);
		at += n;
		at += strspn(at, " ");
	}
	return r;
}

/* --- numbers ------------------------------------------------------------------------------- */

void top_page_bytes(double bytes, char *out, size_t size)
{
	snprintf(out, size, "%.15s", format_compact(bytes).text);
}

#define ROUNDED 1e-5 /* estimates are whole bytes: smaller differences come from rounding */

/* `otherwise` comes where a star would be. */
static void write_growth(const struct top_values *values, bool is_beyond_error,
			 const char *otherwise, char *out, size_t size)
{
	double growth = estimated_change_difference(&values->change);
	char text[CELL_MAX / 2];

	if (!is_beyond_error && fabs(growth) < ROUNDED * values->change.new.value)
		growth = 0;
	top_page_bytes(growth, text, sizeof(text));
	snprintf(out, size, "%s%s%s", growth > 0 && strcmp(text, "0") != 0 ? "+" : "", text,
		 is_beyond_error ? "*" : otherwise);
}

/* --- title --------------------------------------------------------------------------------- */

/* Writes a local time: of today without the date. */
static void write_time(int64_t nanos, int64_t now_nanos, char *out, size_t size)
{
	time_t seconds = (time_t)(nanos / 1000000000), now = (time_t)(now_nanos / 1000000000);
	struct tm at, today;

	*out = '\0';
	if (!localtime_r(&seconds, &at) || !localtime_r(&now, &today))
		return;
	strftime(out, size,
		 at.tm_yday == today.tm_yday && at.tm_year == today.tm_year ? "%H:%M:%S"
									    : "%Y-%m-%d %H:%M",
		 &at);
}

static int add_memory(struct top_page *page, const struct top_session *session)
{
	const struct top_values *total = &session->model.total;
	char inuse[CELL_MAX], error[CELL_MAX], rss[CELL_MAX], limit[CELL_MAX], room[CELL_MAX];
	char text[NAME_MAX + 512];
	int n;

	top_page_bytes(total->change.new.value, inuse, sizeof(inuse));
	top_page_bytes(top_inuse_error(total), error, sizeof(error));
	top_page_bytes((double)session->rss_bytes, rss, sizeof(rss));
	top_page_bytes((double)session->limit.limit, limit, sizeof(limit));
	top_page_bytes((double)session->limit.room, room, sizeof(room));
	n = snprintf(text, sizeof(text), "%s: %s", session->name, inuse);
	if (!top_model_is_exact(&session->model))
		n += snprintf(text + n, sizeof(text) - (size_t)n, " %s%s", plus_minus(page), error);
	n += snprintf(text + n, sizeof(text) - (size_t)n, " in use, RSS %s", rss);
	if (session->has_limit)
		snprintf(text + n, sizeof(text) - (size_t)n, ", memory.max %s (%s left)", limit,
			 room);
	return top_page_line(page, PAGE_TITLE, text);
}

/* Writes the growth of the whole process, and since when it is counted. */
static void write_total(const struct top_page *page, const struct top_session *session, char *out,
			size_t size)
{
	const struct top_model *model = &session->model;
	char since[CELL_MAX], time[CELL_MAX], growth[CELL_MAX], error[CELL_MAX];

	write_time(model->base->time_nanos, model->last->time_nanos, since, sizeof(since));
	top_words_time(model->now - model->mark_time, time, sizeof(time));
	write_growth(&model->total, model->is_total_beyond_error, "", growth, sizeof(growth));
	top_page_bytes(top_growth_error(&model->total), error, sizeof(error));
	if (top_model_is_exact(model))
		snprintf(out, size, "%s in %s, since %s", growth, time, since);
	else
		snprintf(out, size, "%s %s%s in %s, since %s", growth, plus_minus(page), error,
			 time, since);
}

static int add_times(struct top_page *page, const struct top_session *session)
{
	const struct top_model *model = &session->model;
	char text[512], since[CELL_MAX], every[CELL_MAX], total[5 * CELL_MAX];
	int n = top_model_is_exact(model) ? snprintf(text, sizeof(text), "exact")
					  : snprintf(text, sizeof(text), "R %s",
						     format_setting(model->interval).text);

	write_time(model->recording_nanos, model->last->time_nanos, since, sizeof(since));
	if (page->with_growth) {
		top_words_time((double)session->every_seconds, every, sizeof(every));
		write_total(page, session, total, sizeof(total));
		snprintf(text + n, sizeof(text) - (size_t)n, ", every %s; %s; recorded since %s",
			 every, total, since);
	} else {
		snprintf(text + n, sizeof(text) - (size_t)n, ", recorded since %s", since);
	}
	return top_page_line(page, PAGE_TITLE, text);
}

int top_page_title(struct top_page *page, const struct top_session *session)
{
	int r = add_memory(page, session);

	return r ? r : add_times(page, session);
}

/* --- rows ---------------------------------------------------------------------------------- */

struct cells { /* the columns before the name; empty: a blank */
	const char *inuse, *inuse_error, *growth, *growth_error, *rate;
};

/* Appends a text, on the right of `width` columns. */
static void append_cell(const struct top_page *page, struct page_line *line, const char *text,
			size_t width)
{
	size_t used = strlen(line->text), columns = columns_count(&page->terminal, text);

	snprintf(line->text + used, sizeof(line->text) - used, "%*s%s",
		 (int)(columns < width ? width - columns : 0), "", text);
}

static void append_cells(const struct top_page *page, const struct top_session *session,
			 struct page_line *line, const struct cells *cells)
{
	bool has_errors = !top_model_is_exact(&session->model);

	append_cell(page, line, cells->inuse, 7);
	if (has_errors)
		append_cell(page, line, cells->inuse_error, 7);
	if (page->with_growth)
		append_cell(page, line, cells->growth, 9);
	if (page->with_growth && has_errors)
		append_cell(page, line, cells->growth_error, 6);
	append_cell(page, line, cells->rate, 8);
	append_cell(page, line, "", 2);
}

/* Returns the columns that are left in a line. */
static size_t room_in(const struct top_page *page, const struct page_line *line)
{
	size_t used = columns_count(&page->terminal, line->text);

	return used < width_of(page) ? width_of(page) - used : 0;
}

static void append_text(const struct top_page *page, struct page_line *line, const char *text)
{
	size_t used = strlen(line->text);

	columns_copy(&page->terminal, text, room_in(page, line), line->text + used,
		     sizeof(line->text) - used);
}

static void append_name(const struct top_page *page, struct page_line *line, const char *name,
			size_t width)
{
	size_t used = strlen(line->text);

	columns_copy_name(&page->terminal, name, width, line->text + used,
			  sizeof(line->text) - used);
}

int top_page_head(struct top_page *page, const struct top_session *session)
{
	struct page_line *line = new_line(page, PAGE_HEAD);
	const struct top_choice *choice = &session->choice;

	if (!line)
		return -ENOMEM;
	append_cells(page, session, line,
		     &(struct cells){"IN USE", plus_minus(page), "GROWTH ", plus_minus(page),
				     "ALLOC/S"});
	append_text(page, line,
		    choice->stacks       ? "STACK"
		    : choice->cumulative ? "FUNCTION, WITH ALL THAT IT CALLS"
					 : "FUNCTION");
	return 0;
}

static const char *function_name(const struct top_session *session, uint32_t function)
{
	return function == PROFILE_NONE ? PROFILE_NO_STACK
					: top_function_name(&session->model.names, function);
}

/* A stack of a function begins with the caller, since the function is in the row above it. */
static size_t first_shown(const struct top_session *session, const struct top_row *row, size_t n)
{
	return row->function != PROFILE_NONE && !session->choice.cumulative && n > 1;
}

static const char *arrow(const struct top_page *page)
{
	return page->terminal.is_utf8 ? "\u2190 " : "<- ";
}

/* Returns whether the function is a place in a file, since its name is not known. */
static bool is_place(const struct top_session *session, uint32_t function)
{
	const char *name = function_name(session, function), *place = strstr(name, "+0x");

	return place && place[3] && place[3 + strspn(place + 3, "0123456789abcdef")] == '\0';
}

static bool has_name_after(const struct top_session *session, const uint32_t *functions, size_t n,
			   size_t at)
{
	while (at < n && is_place(session, functions[at]))
		at++;
	return at < n;
}

static const char *ellipsis(const struct top_page *page)
{
	return page->terminal.is_utf8 ? "\u2026" : "~";
}

/* Callers whose names are not known are left out if there are names after them. */
static void append_chain(const struct top_page *page, const struct top_session *session,
			 struct page_line *line, const struct top_row *row)
{
	size_t n, most = room_in(page, line) / NAME_SHARE;
	const uint32_t *functions = top_chain_functions(&session->model.names, row->chain, &n);
	size_t first = first_shown(session, row, n);
	bool is_cut = false; /* an ellipsis is the last of the line */

	most = most > NAME_MIN ? most : NAME_MIN;
	if (!n)
		append_text(page, line, PROFILE_NO_STACK);
	for (size_t i = first; i < n; i++) {
		size_t room = room_in(page, line);

		if (room < CHAIN_MIN && is_cut)
			return;
		if (i > first && room > 1)
			append_text(page, line, " ");
		if (room < CHAIN_MIN) {
			append_text(page, line, ellipsis(page));
			return;
		}
		if (i > 0)
			append_text(page, line, arrow(page));
		is_cut = i > 0 && is_place(session, functions[i]) &&
			 has_name_after(session, functions, n, i);
		if (is_cut) {
			append_text(page, line, ellipsis(page));
			while (i + 1 < n && is_place(session, functions[i + 1]))
				i++;
			continue;
		}
		room = room_in(page, line);
		append_name(page, line, function_name(session, functions[i]),
			    session->full_names || room < most ? room : most);
	}
}

static void append_function(const struct top_page *page, const struct top_session *session,
			    struct page_line *line, const struct top_row *row)
{
	const char *file = row->function == PROFILE_NONE
				   ? ""
				   : top_function_file(&session->model.names, row->function);

	if (session->full_names)
		append_text(page, line, function_name(session, row->function));
	else
		append_name(page, line, function_name(session, row->function), room_in(page, line));
	if (session->full_names && *file) {
		append_text(page, line, "  ");
		append_text(page, line, file);
	}
}

static void append_values(const struct top_page *page, const struct top_session *session,
			  struct page_line *line, const struct top_row *row)
{
	char inuse[CELL_MAX], inuse_error[CELL_MAX], growth[CELL_MAX], error[CELL_MAX],
		rate[CELL_MAX];

	top_page_bytes(row->values.change.new.value, inuse, sizeof(inuse));
	top_page_bytes(top_inuse_error(&row->values), inuse_error, sizeof(inuse_error));
	write_growth(&row->values, row->is_beyond_error, " ", growth, sizeof(growth));
	top_page_bytes(top_growth_error(&row->values), error, sizeof(error));
	top_page_bytes(row->values.rate, rate, sizeof(rate));
	append_cells(page, session, line, &(struct cells){inuse, inuse_error, growth, error, rate});
}

int top_page_row(struct top_page *page, const struct top_session *session,
		 const struct top_row *row)
{
	bool grows = row->is_beyond_error && estimated_change_difference(&row->values.change) > 0;
	struct page_line *line = new_line(page, grows ? PAGE_GROWS : PAGE_PLAIN);
	bool is_part = row->kind == TOP_STACK && row->function != PROFILE_NONE;

	if (!line)
		return -ENOMEM;
	if (row->kind == TOP_FRAME)
		append_cells(page, session, line, &(struct cells){"", "", "", "", ""});
	else
		append_values(page, session, line, row);
	append_text(page, line, row->kind == TOP_FRAME ? "    " : is_part ? "  " : "");
	if (row->kind == TOP_STACK)
		append_chain(page, session, line, row);
	else
		append_function(page, session, line, row);
	return 0;
}

/* --- words --------------------------------------------------------------------------------- */

char *top_page_name(const struct top_page *page, const struct top_session *session,
		    const struct top_row *row)
{
	size_t n = 0, size;
	const uint32_t *functions =
		row->kind == TOP_STACK ? top_chain_functions(&session->model.names, row->chain, &n)
				       : NULL;
	char *text = NULL;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return NULL;
	if (!n)
		fputs(function_name(session, row->function), stream);
	for (size_t i = 0; i < n; i++)
		fprintf(stream, "%s%s%s", i ? " " : "", i ? arrow(page) : "",
			function_name(session, functions[i]));
	if (row->kind != TOP_STACK && row->function != PROFILE_NONE &&
	    *top_function_file(&session->model.names, row->function))
		fprintf(stream, "  %s", top_function_file(&session->model.names, row->function));
	return fclose(stream) == 0 ? text : NULL;
}

int top_page_growth(struct top_page *page, const struct top_session *session,
		    const struct top_row *row, bool has_name, size_t indent, size_t n_max)
{
	double room = session->has_limit ? (double)session->limit.room : -1;
	char words[TOP_WORDS_MAX], name[CELL_MAX * 4 + 1] = "",
						       text[TOP_WORDS_MAX + sizeof(name) + 2];
	struct top_growth growth;

	top_model_growth(&session->model, &session->choice, row, room, &growth);
	top_words(&growth, words);
	if (has_name)
		columns_copy_name(&page->terminal, function_name(session, row->function),
				  width_of(page) / 3, name, sizeof(name));
	snprintf(text, sizeof(text), "%s%s%s", name, has_name ? ": " : "", words);
	if (n_max == 1 && columns_count(&page->terminal, text) + indent > width_of(page) &&
	    strchr(text, ';'))
		*strchr(text, ';') = '\0'; /* without the outlook */
	return top_page_text(page, PAGE_NOTE, indent, text, n_max);
}

/* --- callers ------------------------------------------------------------------------------- */

static int add_callers(struct top_page *page, const struct top_session *session,
		       const struct top_row *stack, size_t indent)
{
	struct page_line *line = new_line(page, PAGE_NOTE);
	char growth[CELL_MAX], text[2 * CELL_MAX];

	if (!line)
		return -ENOMEM;
	write_growth(&stack->values, false /* is_beyond_error */, "", growth, sizeof(growth));
	snprintf(text, sizeof(text), "%*s%s ", (int)indent, "", growth);
	append_text(page, line, text);
	append_chain(page, session, line, stack);
	return 0;
}

static bool has_callers(const struct top_session *session, const struct top_row *stack)
{
	size_t n;

	top_chain_functions(&session->model.names, stack->chain, &n);
	return n > 1;
}

int top_page_callers(struct top_page *page, const struct top_session *session,
		     const struct top_row *row, size_t indent, size_t n_max)
{
	top_row_vec stacks = {0};
	int r = 0;

	if (row->kind != TOP_FUNCTION)
		return 0;
	r = top_model_grown_stacks(&session->model, &session->choice, row->function, &stacks);
	for (size_t i = 0; !r && i < stacks.n && i < n_max; i++)
		if (has_callers(session, &stacks.items[i]))
			r = add_callers(page, session, &stacks.items[i], indent);
	vec_deinit(&stacks);
	return r;
}
