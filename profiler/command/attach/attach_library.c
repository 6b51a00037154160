/* SPDX-License-Identifier: MIT */
#include "command/attach/attach_library.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/command.h"
#include "command/find_library.h"

int attach_library_open(struct attach_library *out)
{
	int status = library_find_attached(out->path);

	if (status)
		return status;
	out->file = open(out->path, O_RDONLY | O_CLOEXEC);
	return out->file < 0 ? command_error("%s: %s", out->path, strerror(errno)) : EXIT_DONE;
}

void attach_library_close(struct attach_library *library)
{
	close(library->file);
	library->file = -1;
}

static int open_in_root(const char *path, const struct hp_target *t)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	char root_path[64];
	int root, file;

	snprintf(root_path, sizeof(root_path), "/proc/%d/root", t->task);
	root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -1;
	file = (int)syscall(__NR_openat2, root, path, &how, sizeof(how));
	close(root);
	return file;
}

bool attach_library_is_in(const struct attach_library *library, const struct hp_target *t)
{
	struct stat own, its;
	int file = open_in_root(library->path, t);
	bool is_same = file >= 0 && fstat(library->file, &own) == 0 && fstat(file, &its) == 0 &&
		       own.st_dev == its.st_dev && own.st_ino == its.st_ino;

	if (file >= 0)
		close(file);
	return is_same;
}
