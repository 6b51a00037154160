/* SPDX-License-Identifier: MIT */
#include <curses.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command/top/held_messages.h"
#include "command/top/top_screen_parts.h"
#include "commands/compare.h"

#define ESCAPE 27

/* --- the cursor ---------------------------------------------------------------------------- */

void top_keys_move_to(struct screen *screen, size_t at)
{
	const top_row_vec *rows = &screen->session->model.rows;

	if (at >= rows->n)
		at = rows->n ? rows->n - 1 : 0;
	screen->at = at;
	if (at < screen->first)
		screen->first = at;
	if (at >= screen->first + top_draw_rows())
		screen->first = at - top_draw_rows() + 1;
	if (rows->n)
		screen->row = rows->items[at];
}

void top_keys_find_row(struct screen *screen)
{
	const top_row_vec *rows = &screen->session->model.rows;
	size_t at = screen->at;

	for (size_t i = 0; screen->follows && i < rows->n; i++)
		if (top_row_is_same(&rows->items[i], &screen->row))
			at = i;
	top_keys_move_to(screen, at);
}

static void move_by(struct screen *screen, long by)
{
	long at = (long)screen->at + by;

	screen->follows = at > 0;
	top_keys_move_to(screen, at > 0 ? (size_t)at : 0);
}

static void list_again(struct screen *screen)
{
	if (top_model_list(&screen->session->model, &screen->session->choice))
		screen->status = command_error("%s", strerror(ENOMEM));
	top_keys_find_row(screen);
}

/* Returns the row that a row is a part of, or the row itself. */
static size_t whole_of(const top_row_vec *rows, size_t part)
{
	size_t at = part;

	while (at > 0 && rows->items[at].kind >= rows->items[part].kind)
		at--;
	return rows->items[at].kind < rows->items[part].kind ? at : part;
}

/* Opens the row under the cursor, or closes it, or closes the row that it is a part of. */
static void open_row(struct screen *screen, bool opens)
{
	const top_row_vec *rows = &screen->session->model.rows;
	size_t at = screen->at;

	if (at >= rows->n)
		return;
	if (!opens && !rows->items[at].is_open)
		at = whole_of(rows, at);
	if (rows->items[at].is_open == opens)
		return;
	screen->follows = true;
	screen->row = rows->items[at];
	if (top_model_toggle(&screen->session->model, &screen->row))
		screen->status = command_error("%s", strerror(ENOMEM));
	list_again(screen);
}

/* --- keys ---------------------------------------------------------------------------------- */

void top_keys_drop_filter(struct screen *screen)
{
	if (screen->session->choice.filter)
		regfree(&screen->filter_regex);
	screen->session->choice.filter = NULL;
	*screen->filter = '\0';
}

static void use_filter(struct screen *screen)
{
	const regex_t *regex;
	regex_t compiled;

	screen->mode = MODE_LIST;
	if (compare_compile("filter", screen->typed, &compiled, &regex)) {
		held_messages_take(screen->message, sizeof(screen->message));
		return;
	}
	top_keys_drop_filter(screen);
	if (*screen->typed) {
		screen->filter_regex = compiled;
		screen->session->choice.filter = &screen->filter_regex;
		memcpy(screen->filter, screen->typed, sizeof(screen->filter));
	} else {
		regfree(&compiled);
	}
	list_again(screen);
}

/* Removes the last character, which may have several bytes. */
static void erase_typed(struct screen *screen)
{
	size_t n = strlen(screen->typed);

	while (n > 0 && ((unsigned char)screen->typed[n - 1] & 0xc0) == 0x80)
		n--;
	screen->typed[n > 0 ? n - 1 : 0] = '\0';
}

static void type_filter(struct screen *screen, int key)
{
	size_t n = strlen(screen->typed);

	if (key == '\n' || key == '\r' || key == KEY_ENTER) {
		use_filter(screen);
	} else if (key == ESCAPE) {
		screen->mode = MODE_LIST;
	} else if (key == KEY_BACKSPACE || key == 127 || key == '\b') {
		erase_typed(screen);
	} else if (key >= ' ' && key <= 0xff && n < FILTER_MAX) {
		screen->typed[n] = (char)key;
		screen->typed[n + 1] = '\0';
	}
}

static void save(struct screen *screen)
{
	char path[PATH_MAX];

	if (top_session_save(screen->session, path))
		held_messages_take(screen->message, sizeof(screen->message));
	else
		snprintf(screen->message, sizeof(screen->message), "saved: %.400s",
			 strncmp(path, "./", 2) == 0 ? path + 2 : path);
}

static void mark(struct screen *screen)
{
	top_model_mark(&screen->session->model);
	snprintf(screen->message, sizeof(screen->message), "growth counts from here");
	list_again(screen);
}

static void sort_by(struct screen *screen, enum top_order order)
{
	screen->session->choice.order = order;
	screen->follows = false;
	screen->at = 0;
	list_again(screen);
}

/* Other rows are shown, so the cursor goes to the first one. */
static void change_rows(struct screen *screen, bool *setting)
{
	struct top_choice *choice = &screen->session->choice;

	*setting = !*setting;
	if (setting == &choice->stacks)
		choice->cumulative = false;
	if (setting == &choice->cumulative)
		choice->stacks = false;
	sort_by(screen, choice->order);
}

static void move_by_key(struct screen *screen, int key)
{
	long page = (long)top_draw_rows() - 1;

	if (key == KEY_UP || key == 'k')
		move_by(screen, -1);
	else if (key == KEY_DOWN || key == 'j')
		move_by(screen, 1);
	else if (key == KEY_PPAGE)
		move_by(screen, -page);
	else if (key == KEY_NPAGE)
		move_by(screen, page);
	else if (key == KEY_HOME)
		move_by(screen, -(long)screen->at);
	else if (key == KEY_END)
		move_by(screen, (long)screen->session->model.rows.n);
	else if (key == KEY_LEFT)
		open_row(screen, false);
	else if (key == KEY_RIGHT)
		open_row(screen, true);
	else if (key == '\n' || key == '\r' || key == KEY_ENTER)
		open_row(screen, !screen->row.is_open);
}

static void begin_filter(struct screen *screen)
{
	screen->mode = MODE_FILTER;
	memcpy(screen->typed, screen->filter, sizeof(screen->typed));
}

static void press_in_list(struct screen *screen, int key)
{
	struct top_choice *choice = &screen->session->choice;

	switch (key) {
	case 'q':
		screen->quits = true;
		break;
	case '?':
	case 'h':
		screen->mode = MODE_HELP;
		break;
	case 'g':
		sort_by(screen, TOP_BY_GROWTH);
		break;
	case 'u':
		sort_by(screen, TOP_BY_INUSE);
		break;
	case 'a':
		sort_by(screen, TOP_BY_RATE);
		break;
	case 's':
		change_rows(screen, &choice->stacks);
		break;
	case 'c':
		change_rows(screen, &choice->cumulative);
		break;
	case 'H':
		change_rows(screen, &choice->hidden);
		break;
	case 'f':
		screen->session->full_names = !screen->session->full_names;
		break;
	case 'm':
		mark(screen);
		break;
	case 'w':
		save(screen);
		break;
	case '/':
		begin_filter(screen);
		break;
	case ESCAPE:
		top_keys_drop_filter(screen);
		list_again(screen);
		break;
	default:
		move_by_key(screen, key);
	}
}

void top_keys_press(struct screen *screen, int key)
{
	if (screen->mode == MODE_FILTER)
		type_filter(screen, key);
	else if (screen->mode == MODE_HELP)
		screen->mode = MODE_LIST;
	else
		press_in_list(screen, key);
}
