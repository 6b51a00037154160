/* SPDX-License-Identifier: MIT */
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Fails if there is no openat2, as before Linux 5.6 or under a filter: without it, symbolic links
 * could lead out of the root. */
static int open_in_root(const char *root, const char *path, int flags)
{
	const struct open_how how = {
		.flags = (uint64_t)flags,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int folder = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC), fd, error;

	if (folder < 0)
		return -errno;
	fd = (int)syscall(__NR_openat2, folder, path, &how, sizeof(how));
	error = errno;
	close(folder);
	return fd < 0 ? -error : fd;
}

int path_open_regular(const char *root, const char *path)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	struct stat status;
	int fd = root ? open_in_root(root, path, flags) : open(path, flags), error;

	if (fd < 0)
		return root ? fd : -errno;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		return fd;
	error = S_ISREG(status.st_mode) ? -errno : PATH_E_NOT_REGULAR;
	close(fd);
	return error;
}

void path_folder_add(struct path_folder *folder, const char *path)
{
	size_t same = 0;

	if (!*path)
		return;
	if (!folder->path)
		*folder = (struct path_folder){path, strlen(path)};
	while (same < folder->size && path[same] == folder->path[same])
		same++;
	while (same && path[same - 1] != '/')
		same--;
	folder->size = same > 1 ? same : 0;
}

const char *path_within(const struct path_folder *folder, const char *path)
{
	bool is_in = folder->size && strncmp(path, folder->path, folder->size) == 0;

	return is_in ? path + folder->size : path;
}
