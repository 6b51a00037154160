/* SPDX-License-Identifier: MIT */
#include <curses.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/top/top_screen_parts.h"

enum {
	TITLE_LINES = 4, /* with the names of the columns */
	KEYS_LINES = 1,
	PANEL_LINES = 5, /* about the row under the cursor, and others that grew */
	PANEL_LINES_SMALL = 3,
	LINES_FOR_PANEL = 20,
	LINES_FOR_SMALL_PANEL = 12,
};

static const char *const help[] = {
	"Up Down PgUp PgDn Home End   move the cursor",
	"Enter Right   open a row: a function has stacks, a stack has functions",
	"Left          close it",
	"g             sort by growth: what grew beyond the sampling error comes first",
	"u             sort by memory in use",
	"a             sort by allocation rate",
	"s             show stacks or functions",
	"c             count for a function also what the functions hold that it called",
	"m             mark: growth counts from now",
	"/             show only rows that match an expression; Esc shows all",
	"H             hide std:: and other functions that --hide names",
	"f             full names, with source files",
	"w             save the reading as a dump in the current folder",
	"Space         read the process now",
	"?             this help",
	"q             quit",
	"",
	"IN USE, GROWTH and ALLOC/S are bytes; K, M and G are powers of 1024. The columns",
	"after them are the errors of sampling: 95 of 100 times the truth is that near.",
	"A * marks a change beyond the error. Rates are means over the last readings.",
};

static int style_attributes(enum page_style style)
{
	switch (style) {
	case PAGE_TITLE:
		return A_BOLD;
	case PAGE_HEAD:
		return A_REVERSE;
	case PAGE_GROWS:
		return has_colors() ? COLOR_PAIR(GROWS_PAIR) : A_BOLD;
	case PAGE_PLAIN:
	case PAGE_NOTE:
		break;
	}
	return A_NORMAL;
}

static void draw_line(int y, const struct page_line *line, bool is_cursor)
{
	int attributes = style_attributes(line->style);

	if (is_cursor)
		attributes |= A_REVERSE;
	attrset(attributes);
	mvaddstr(y, 0, line->text);
	if (is_cursor || line->style == PAGE_HEAD)
		for (int x = getcurx(stdscr); getcury(stdscr) == y && x < COLS; x++)
			mvaddch(y, x, ' ');
	attrset(A_NORMAL);
}

static int panel_lines(void)
{
	return LINES >= LINES_FOR_PANEL         ? PANEL_LINES
	       : LINES >= LINES_FOR_SMALL_PANEL ? PANEL_LINES_SMALL
						: 0;
}

size_t top_draw_rows(void)
{
	int n = LINES - TITLE_LINES - panel_lines() - KEYS_LINES;

	return n > 1 ? (size_t)n : 1;
}

static void write_status(const struct screen *screen, char *out, size_t size)
{
	static const char *const orders[] = {
		[TOP_BY_GROWTH] = "growth",
		[TOP_BY_INUSE] = "memory in use",
		[TOP_BY_RATE] = "allocation rate",
	};
	const struct top_choice *choice = &screen->session->choice;

	if (screen->mode == MODE_FILTER)
		snprintf(out, size, "/%s", screen->typed);
	else if (*screen->message)
		snprintf(out, size, "%s", screen->message);
	else if (screen->session->has_ended)
		snprintf(out, size, "the process has ended; this is its last reading");
	else if (*screen->session->error)
		snprintf(out, size, "not read: %s", screen->session->error);
	else
		snprintf(out, size, "%zu row%s by %s%s%s%s", screen->session->model.rows.n,
			 screen->session->model.rows.n == 1 ? "" : "s", orders[choice->order],
			 choice->hidden ? ", some functions hidden" : "",
			 choice->filter ? ", /" : "", choice->filter ? screen->filter : "");
}

static int add_panel_names(struct screen *screen)
{
	size_t n_max = screen->session->full_names ? PANEL_LINES : 1;
	char *name = top_page_name(&screen->page, screen->session, &screen->row);
	int r = name ? top_page_text(&screen->page, PAGE_TITLE, 0, name, n_max) : -ENOMEM;

	free(name);
	return r;
}

/* Adds sentences about other rows that grew. */
static int add_panel_others(struct screen *screen)
{
	const struct top_session *session = screen->session;
	int r = 0;

	for (size_t i = 0; !r && i < session->model.rows.n && i < PANEL_LINES; i++) {
		const struct top_row *row = &session->model.rows.items[i];

		if (i != screen->at && row->kind == TOP_FUNCTION && row->is_beyond_error)
			r = top_page_growth(&screen->page, session, row, true /* has_name */, 0, 1);
	}
	return r;
}

static int add_panel(struct screen *screen)
{
	int r;

	if (screen->at >= screen->session->model.rows.n)
		return 0;
	r = add_panel_names(screen);
	if (!r && screen->row.kind != TOP_FRAME)
		r = top_page_growth(&screen->page, screen->session, &screen->row,
				    false /* has_name */, 0, 2);
	return r ? r : add_panel_others(screen);
}

static int add_rows(struct screen *screen)
{
	const top_row_vec *rows = &screen->session->model.rows;
	int r = 0;

	for (size_t i = 0; !r && i < top_draw_rows() && screen->first + i < rows->n; i++)
		r = top_page_row(&screen->page, screen->session, &rows->items[screen->first + i]);
	return r;
}

static void draw_panel(const struct screen *screen)
{
	int y = LINES - KEYS_LINES - panel_lines();

	for (size_t i = 0; i < screen->page.lines.n && y < LINES - KEYS_LINES; i++)
		draw_line(y++, &screen->page.lines.items[i], false);
}

static int add_top(struct screen *screen)
{
	char text[sizeof(screen->message) + FILTER_MAX];
	int r = top_page_title(&screen->page, screen->session);

	write_status(screen, text, sizeof(text));
	if (!r)
		r = top_page_line(&screen->page, PAGE_NOTE, text);
	return r ? r : top_page_head(&screen->page, screen->session);
}

static void draw_keys(struct screen *screen)
{
	static const char keys[] = "q quit  ? help  g u a sort  s stacks  m mark  / filter  "
				   "Enter open  w save";

	screen->page.lines.n = 0;
	if (!top_page_line(&screen->page, PAGE_TITLE,
			   screen->mode == MODE_FILTER ? "Enter filter  Esc cancel"
			   : screen->mode == MODE_HELP ? "any key: back to the list"
						       : keys))
		draw_line(LINES - 1, screen->page.lines.items, false);
}

static int draw_list(struct screen *screen)
{
	size_t n_top, n;
	int r = add_top(screen);

	n_top = screen->page.lines.n;
	if (!r)
		r = add_rows(screen);
	n = screen->page.lines.n;
	for (size_t i = 0; i < n; i++)
		draw_line((int)i, &screen->page.lines.items[i],
			  i == n_top + screen->at - screen->first);
	screen->page.lines.n = 0;
	if (!r && panel_lines())
		r = add_panel(screen);
	draw_panel(screen);
	return r;
}

static int draw_help(struct screen *screen)
{
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(help) / sizeof(help[0]) && i + 1 < (size_t)LINES; i++) {
		r = top_page_line(&screen->page, PAGE_PLAIN, help[i]);
		if (!r)
			draw_line((int)i, &screen->page.lines.items[i], false);
	}
	return r;
}

int top_draw(struct screen *screen)
{
	int r;

	screen->page.terminal.width = COLS;
	screen->page.lines.n = 0;
	erase();
	r = screen->mode == MODE_HELP ? draw_help(screen) : draw_list(screen);
	draw_keys(screen);
	refresh();
	return r;
}
