/* SPDX-License-Identifier: MIT */
#include "command/top/terminal_guard.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <curses.h>
#include <term.h> /* its macros have names such as `lines`, so only this file includes it */

static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
static const int requests[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

#define N_REQUESTS (sizeof(requests) / sizeof(requests[0]))

static struct termios before;
static char leave[256];
static struct sigaction request_actions[N_REQUESTS];
static volatile sig_atomic_t requested;

static void note_request(int signal)
{
	requested = signal;
}

/* The handler was set for one signal, so that the next one ends the program. */
static void restore_terminal(int signal)
{
	ssize_t written = write(STDOUT_FILENO, leave, strlen(leave));

	(void)written;
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
	raise(signal);
}

bool terminal_has_screen(void)
{
	int error;

	return setupterm(NULL, STDOUT_FILENO, &error) == OK && cursor_address && clear_screen;
}

/* Returns a capability of the terminal, or "". */
static const char *capability(const char *text)
{
	return text ? text : "";
}

void terminal_guard_begin(void)
{
	struct sigaction fault = {.sa_handler = restore_terminal, .sa_flags = (int)SA_RESETHAND};
	struct sigaction request = {.sa_handler = note_request};

	snprintf(leave, sizeof(leave), "%s%s%s", capability(exit_attribute_mode),
		 capability(cursor_normal), capability(exit_ca_mode));
	tcgetattr(STDIN_FILENO, &before);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigaction(faults[i], &fault, NULL);
	for (size_t i = 0; i < N_REQUESTS; i++) {
		sigaction(requests[i], NULL, &request_actions[i]);
		if (request_actions[i].sa_handler != SIG_IGN)
			sigaction(requests[i], &request, NULL);
	}
}

void terminal_guard_end(void)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		signal(faults[i], SIG_DFL);
	for (size_t i = 0; i < N_REQUESTS; i++)
		sigaction(requests[i], &request_actions[i], NULL);
	if (requested && requested != SIGINT)
		raise(requested);
}

int terminal_guard_signal(void)
{
	return requested;
}
