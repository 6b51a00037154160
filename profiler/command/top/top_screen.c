/* SPDX-License-Identifier: MIT */
#include "command/top/top_screen.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command/top/held_messages.h"
#include "command/top/terminal_guard.h"
#include "command/top/top_screen_parts.h"

/* --- rounds -------------------------------------------------------------------------------- */

static void make_round(struct screen *screen)
{
	if (screen->session->has_ended)
		return;
	screen->status = top_session_round(screen->session);
	if (screen->session->model.began_anew)
		snprintf(screen->message, sizeof(screen->message),
			 "the process records anew; growth counts from here");
	top_keys_find_row(screen);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Takes the keys that were pressed. Returns whether one of them asks for a round. */
static bool take_keys(struct screen *screen)
{
	bool reads_now = false;
	int key;

	while (!screen->quits && (key = getch()) != ERR) {
		if (key == KEY_RESIZE) {
			clearok(stdscr, TRUE); /* the terminal may have moved its lines */
			top_keys_move_to(screen, screen->at);
			continue;
		}
		*screen->message = '\0';
		if (key == ' ' && screen->mode == MODE_LIST)
			reads_now = true;
		else
			top_keys_press(screen, key);
	}
	return reads_now;
}

/* Waits for a key, the end of the process, a signal, or the time of the next round. */
static void wait_event(struct screen *screen, int64_t next_ms)
{
	struct pollfd files[] = {
		{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = screen->session->has_ended ? -1 : screen->session->target.pidfd,
		 .events = POLLIN},
		{.fd = screen->session->end_fd, .events = POLLIN},
	};
	int64_t ms = next_ms - now_ms();

	if (screen->session->has_ended || ms > INT_MAX)
		ms = -1;
	if (poll(files, 3, ms < -1 ? 0 : (int)ms) > 0) {
		if (files[0].revents & (POLLHUP | POLLERR | POLLNVAL))
			screen->quits = true;
		if (files[1].revents)
			make_round(screen);
		if (files[2].revents)
			screen->quits = true;
	}
}

static void run(struct screen *screen)
{
	int64_t every_ms = (int64_t)screen->session->every_seconds * 1000;
	int64_t next_ms = now_ms() + every_ms;

	top_keys_find_row(screen);
	while (!screen->quits && !screen->status && !terminal_guard_signal()) {
		if (top_draw(screen))
			screen->status = command_error("%s", strerror(ENOMEM));
		wait_event(screen, next_ms);
		if (take_keys(screen) || now_ms() >= next_ms) {
			make_round(screen);
			next_ms = now_ms() + every_ms;
		}
	}
}

/* --- the terminal -------------------------------------------------------------------------- */

bool top_screen_is_possible(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && terminal_has_screen();
}

static void begin_colours(void)
{
	const char *refused = getenv("NO_COLOR");

	if (refused && *refused)
		return;
	if (start_color() != OK || use_default_colors() != OK)
		return;
	init_pair(GROWS_PAIR, COLOR_RED, -1);
}

static SCREEN *begin(void)
{
	SCREEN *terminal;

	terminal_guard_begin();
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal)
		return NULL;
	begin_colours();
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	return terminal;
}

int top_screen_run(struct top_session *session)
{
	struct screen screen = {
		.session = session,
		.page.terminal.is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
		.page.with_growth = true,
	};
	SCREEN *terminal;
	int status = top_session_round(session);

	if (!status && session->has_ended)
		return command_error("%s: the process has ended", session->name);
	if (!status && *session->error)
		return command_error("%s: %s", session->name, session->error);
	if (status)
		return status;
	terminal = begin();
	if (!terminal)
		return command_error("can't open the terminal; --rounds=2 prints text");
	if (held_messages_begin() == 0)
		run(&screen);
	endwin();
	delscreen(terminal);
	held_messages_end();
	top_keys_drop_filter(&screen);
	top_page_deinit(&screen.page);
	terminal_guard_end();
	return screen.status;
}
