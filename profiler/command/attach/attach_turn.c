/* SPDX-License-Identifier: MIT */
#include "command/attach/attach_turn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum {
	NAP_MS = 10,
};

bool attach_turn_take(int pid, int wait_ms)
{
	const struct timespec nap = {.tv_nsec = NAP_MS * 1000000};
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return true;
	while (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
		if (wait_ms <= 0) {
			close(fd);
			return false;
		}
		nanosleep(&nap, NULL);
		wait_ms -= NAP_MS;
	}
	return true; /* the descriptor stays open, and with it the lock */
}
