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

static int add_rows(struct top_page *page, const struct top_session *session)
{
	const top_row_vec *rows = &session->model.rows;
	size_t n = session->n_lines && session->n_lines < rows->n ? session->n_lines : rows->n;
	char text[64];
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		const struct top_row *row = &rows->items[i];

		r = top_page_row(page, session, row);
		if (!r && i < WORDS_ROWS && page->with_growth && row->is_beyond_error)
			r = top_page_growth(page, session, row, false /* has_name */, WORDS_INDENT,
					    WORDS_LINES);
	}
	if (r || n == rows->n)
		return r;
	snprintf(text, sizeof(text), "... (%zu more; --lines=0 shows all)", rows->n - n);
	return top_page_line(page, PAGE_NOTE, text);
}

static int print_round(const struct top_session *session)
{
	struct top_page page = {
		.terminal = {strcmp(nl_langinfo(CODESET), "UTF-8") == 0, find_width()},
		.with_growth = session->model.n_readings > 1,
	};
	int r = top_page_title(&page, session);

	if (!r)
		r = top_page_head(&page, session);
	if (!r)
		r = add_rows(&page, session);
	vec_foreach (line, &page.lines)
		puts(line->text);
	top_page_deinit(&page);
	if (r)
		return command_error("%s", strerror(-r));
	return fflush(stdout) ? command_error("standard output: %s", strerror(errno)) : EXIT_DONE;
}

/* Waits for the next round, or for the end of the process. */
static void wait_round(const struct top_session *session)
{
	struct pollfd end = {.fd = session->target.pidfd, .events = POLLIN};
	uint64_t ms = session->every_seconds * 1000;

	poll(&end, 1, ms > INT_MAX ? INT_MAX : (int)ms);
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
		wait_round(session);
	}
}
