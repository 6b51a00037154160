/* SPDX-License-Identifier: MIT */
#include "command/top/top_text.h"

#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "command/top/top_page.h"

enum {
	WORDS_ROWS = 3, /* rows with a sentence about their growth */
	WORDS_INDENT = 4,
	WORDS_LINES = 3,
	CALLERS_LINES = 3, /* of a row that grew */
};

/* Returns the width of the terminal, or of COLUMNS where there is none; 0: not limited. */
static int find_width(void)
{
	const char *columns = getenv("COLUMNS");
	long width = columns ? strtol(columns, NULL, 10) : 0;
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		return size.ws_col;
	return width > 0 && width <= COLUMNS_MAX ? (int)width : 0;
}

static bool grows(const struct top_row *row)
{
	return row->is_beyond_error && estimated_change_difference(&row->values.change) > 0;
}

/* Returns how many rows there are to show. Those that grew come first, by growth. */
static size_t count_rows(const struct top_session *session)
{
	const top_row_vec *rows = &session->model.rows;
	size_t n = 0;

	if (!session->only_growth)
		return rows->n;
	while (n < rows->n && grows(&rows->items[n]))
		n++;
	return n;
}

static int add_rows(struct top_page *page, const struct top_session *session)
{
	size_t n_all = count_rows(session);
	size_t n = session->n_lines && session->n_lines < n_all ? session->n_lines : n_all;
	char text[64];
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		const struct top_row *row = &session->model.rows.items[i];

		r = top_page_row(page, session, row);
		if (!r && (i < WORDS_ROWS || session->only_growth) && page->with_growth &&
		    row->is_beyond_error)
			r = top_page_growth(page, session, row, false /* has_name */, WORDS_INDENT,
					    WORDS_LINES);
		if (!r && session->only_growth)
			r = top_page_callers(page, session, row, WORDS_INDENT, CALLERS_LINES);
	}
	if (r || n == n_all)
		return r;
	snprintf(text, sizeof(text), "... (%zu more; --lines=0 shows all)", n_all - n);
	return top_page_line(page, PAGE_NOTE, text);
}

/* The first reading of a session that shows growth alone. */
static int add_beginning(struct top_page *page, const struct top_session *session)
{
	char text[128], every[32];

	top_words_time((double)session->every_seconds, every, sizeof(every));
	snprintf(text, sizeof(text), "growth counts from here; the next reading is in %s", every);
	return top_page_line(page, PAGE_NOTE, text);
}

static int add_round(struct top_page *page, const struct top_session *session)
{
	int r = top_page_title(page, session);

	if (r)
		return r;
	if (session->only_growth && !page->with_growth)
		return add_beginning(page, session);
	if (session->only_growth && !count_rows(session))
		return top_page_line(page, PAGE_NOTE,
				     "nothing has grown by more than the sampling error");
	r = top_page_head(page, session);
	return r ? r : add_rows(page, session);
}

static int print_round(struct top_session *session)
{
	struct top_page page = {
		.terminal = {strcmp(nl_langinfo(CODESET), "UTF-8") == 0, find_width()},
		.with_growth = session->model.n_readings > 1,
	};
	int r = add_round(&page, session);

	vec_foreach (line, &page.lines)
		puts(line->text);
	top_page_deinit(&page);
	if (r)
		return command_error("%s", strerror(-r));
	if (!fflush(stdout))
		return EXIT_DONE;
	session->is_output_closed = errno == EPIPE;
	return session->is_output_closed ? EXIT_BAD
					 : command_error("standard output: %s", strerror(errno));
}

/* Waits for the next round, or for the end of the process. Returns false if the rounds are to end.
 */
static bool wait_round(const struct top_session *session)
{
	struct pollfd ends[] = {{.fd = session->target.pidfd, .events = POLLIN},
				{.fd = session->end_fd, .events = POLLIN}};
	uint64_t ms = session->every_seconds * 1000;

	while (poll(ends, 2, ms > INT_MAX ? INT_MAX : (int)ms) < 0 && errno == EINTR)
		;
	return !ends[1].revents;
}

/* Reports a round that failed. Returns the exit status; EXIT_DONE if the rounds go on. */
static int report(const struct top_session *session, uint64_t n_done)
{
	if (session->has_ended) {
		command_error("%s: the process has ended", session->name);
		return n_done ? EXIT_DONE : EXIT_BAD;
	}
	command_error("%s: %s", session->name, session->error);
	return n_done ? EXIT_DONE : EXIT_BAD;
}

int top_text_run(struct top_session *session)
{
	uint64_t n_done = 0;

	for (;;) {
		int status = top_session_round(session);
		bool is_read = !status && !session->has_ended && !*session->error;

		if (is_read && n_done)
			putchar('\n');
		if (is_read)
			status = print_round(session);
		else if (!status)
			status = report(session, n_done);
		n_done += is_read;
		if (status || session->has_ended ||
		    (session->n_rounds && n_done >= session->n_rounds))
			return status;
		if (!wait_round(session))
			return EXIT_DONE;
	}
}
