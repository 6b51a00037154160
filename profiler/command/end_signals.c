/* SPDX-License-Identifier: MIT */
#include "command/end_signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static volatile sig_atomic_t seen;
static int event = -1;

static void note(int signal)
{
	const uint64_t one = 1;
	int before = errno;
	ssize_t written = write(event, &one, sizeof(one));

	(void)written;
	seen = signal;
	errno = before;
}

int end_signals_begin(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	const struct sigaction action = {.sa_handler = note};

	event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (event < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct sigaction old;

		sigaction(signals[i], NULL, &old);
		if (old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
	return event;
}

int end_signals_seen(void)
{
	return seen;
}
