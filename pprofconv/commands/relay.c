/* SPDX-License-Identifier: MIT */
#include "commands/relay.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

bool relay_folder(unsigned n, uid_t uid, char out[PATH_MAX])
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	switch (n) {
	case 0:
		if (!runtime || *runtime != '/')
			return relay_folder(1, uid, out);
		return snprintf(out, PATH_MAX, "%s/heapprof", runtime) < PATH_MAX;
	case 1:
		return snprintf(out, PATH_MAX, "/run/user/%u/heapprof", uid) < PATH_MAX;
	case 2:
		return snprintf(out, PATH_MAX, "/tmp/heapprof-%u", uid) < PATH_MAX;
	default:
		return false;
	}
}

int relay_open_folder(const char *path, uid_t uid)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;

	if (fd < 0)
		return -1;
	if (fstat(fd, &status) == 0 && status.st_uid == uid &&
	    !(status.st_mode & (S_IRWXG | S_IRWXO)))
		return fd;
	close(fd);
	return -1;
}

uint64_t relay_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
