/* SPDX-License-Identifier: MIT */
#include "command/leaks/leak_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"

/* Stores the path with the ID for each %p, and % for each %%. Returns 0, -EINVAL after any other %,
 * or -ENAMETOOLONG. */
static int expand(const char *path, pid_t pid, char out[PATH_MAX], bool *out_has_id)
{
	size_t n = 0;

	*out_has_id = false;
	for (; *path; path++) {
		char number[16] = {*path};

		if (*path == '%' && *++path == 'p') {
			snprintf(number, sizeof(number), "%d", pid);
			*out_has_id = true;
		} else if (path[0] != '%' && number[0] == '%') {
			return -EINVAL;
		}
		if (n + strlen(number) >= PATH_MAX)
			return -ENAMETOOLONG;
		n = (size_t)(stpcpy(out + n, number) - out);
	}
	return 0;
}

static int open_file(const char *path, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND | flags, 0666);

	if (fd < 0)
		return -errno;
	return fd;
}

int leak_log_init(struct leak_log *log, const char *path)
{
	char file[PATH_MAX];
	bool has_id;
	int r;

	*log = (struct leak_log){.path = path};
	if (!path)
		return EXIT_DONE;
	r = *path ? expand(path, 0, file, &has_id) : -ENOENT;
	if (r == -EINVAL)
		return command_error("--log-file: '%s': %% must be followed by p, for the process "
				     "ID, or by %%",
				     path);
	if (!r && !has_id) {
		r = open_file(file, O_TRUNC);
		if (r >= 0)
			close(r);
	}
	return r < 0 ? command_error("--log-file: %s: %s", path, strerror(-r)) : EXIT_DONE;
}

void leak_log_deinit(struct leak_log *log)
{
	vec_deinit(&log->written);
}

static bool has_begun(const struct leak_log *log, pid_t pid)
{
	vec_foreach (written, &log->written)
		if (*written == pid)
			return true;
	return false;
}

static int write_all(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		size -= (size_t)n;
	}
	return 0;
}

int leak_log_write(struct leak_log *log, pid_t pid, const char *text, size_t size)
{
	char file[PATH_MAX];
	bool has_id;
	int fd, r;

	if (!log->path)
		return write_all(STDERR_FILENO, text, size);
	r = expand(log->path, pid, file, &has_id);
	if (r)
		return r;
	fd = open_file(file, has_id && !has_begun(log, pid) ? O_TRUNC : 0);
	if (fd < 0)
		return fd;
	r = vec_push(&log->written, pid);
	r = r ? r : write_all(fd, text, size);
	close(fd);
	return r;
}
