/* SPDX-License-Identifier: MIT */
/* The state of the screen, and what its files share: top_draw.c draws it, top_keys.c does what keys
 * ask for, and top_screen.c makes rounds and opens the terminal. */
#pragma once
#include <regex.h>
#include <stdbool.h>

#include "command/top/top_page.h"

enum {
	FILTER_MAX = 128,
	GROWS_PAIR = 1, /* of colours: rows that grew */
};

enum screen_mode {
	MODE_LIST,
	MODE_FILTER, /* the filter is being typed */
	MODE_HELP,
};

struct screen {
	struct top_session *session;
	struct top_page page;
	enum screen_mode mode;
	size_t at, first;   /* the row under the cursor, and the first one that is shown */
	bool follows;       /* the cursor stays on its row: it was moved */
	struct top_row row; /* the row under the cursor, if there is one */
	char message[512];
	char typed[FILTER_MAX + 1];  /* the filter while it is typed */
	char filter[FILTER_MAX + 1]; /* the filter that is used */
	regex_t filter_regex;
	bool quits;
	int status;
};

/* Draws the screen. Returns 0 or -ENOMEM. */
int top_draw(struct screen *screen);

/* Returns how many rows the list shows. */
size_t top_draw_rows(void);

/* Does what a key asks for. */
void top_keys_press(struct screen *screen, int key);

/* Moves the cursor to a row, and the list so that the row is shown. */
void top_keys_move_to(struct screen *screen, size_t at);

/* Puts the cursor back to its row after the rows have changed. */
void top_keys_find_row(struct screen *screen);

/* Stops using the filter. */
void top_keys_drop_filter(struct screen *screen);
