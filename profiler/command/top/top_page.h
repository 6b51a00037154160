/* SPDX-License-Identifier: MIT */
/* A page is the lines that `heapprof top` shows, on the screen or as text. No line is wider than
 * the terminal, and none holds a control character. */
#pragma once
#include "base/columns.h"
#include "base/vec.h"
#include "command/top/top_session.h"

enum page_style {
	PAGE_PLAIN,
	PAGE_TITLE,
	PAGE_HEAD,  /* names of columns */
	PAGE_GROWS, /* a row that grew by more than the sampling error */
	PAGE_NOTE,
};

struct page_line {
	enum page_style style;
	char text[COLUMNS_BYTES];
};

struct top_page {
	struct terminal_text terminal;
	bool with_growth; /* has the columns of growth: there is a mark */
	VEC(struct page_line) lines;
};

void top_page_deinit(struct top_page *page);

/* These functions add lines, and return 0 or -ENOMEM. */

/* Adds a line of text, which is cut at the width. */
int top_page_line(struct top_page *page, enum page_style style, const char *text);

/* Adds a text as lines with an indent, broken at spaces; at most `n_max` lines. */
int top_page_text(struct top_page *page, enum page_style style, size_t indent, const char *text,
		  size_t n_max);

/* Adds two lines about the process. */
int top_page_title(struct top_page *page, const struct top_session *session);

/* Adds the names of the columns. */
int top_page_head(struct top_page *page, const struct top_session *session);

int top_page_row(struct top_page *page, const struct top_session *session,
		 const struct top_row *row);

/* Adds how a row grew, in words, after its name if `has_name` is set; at most `n_max` lines. */
int top_page_growth(struct top_page *page, const struct top_session *session,
		    const struct top_row *row, bool has_name, size_t indent, size_t n_max);

/* Adds a line for each stack by which a function grew, with its callers; at most `n_max`. Adds
 * nothing for a row that is not a function's. */
int top_page_callers(struct top_page *page, const struct top_session *session,
		     const struct top_row *row, size_t indent, size_t n_max);

/* Returns the functions of a row as a text, which the caller frees; NULL without memory. */
char *top_page_name(const struct top_page *page, const struct top_session *session,
		    const struct top_row *row);

/* Writes a number of bytes in at most five columns: 0, 512B, 1.00K, 12.3M. */
void top_page_bytes(double bytes, char *out, size_t size);
