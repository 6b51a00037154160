/* SPDX-License-Identifier: MIT */
#include "command/run/preload_link.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"

#define LINK_NAME    "/libheapprof.so"
#define OTHERS_WRITE (S_IWGRP | S_IWOTH)

/* Returns the FNV-1a hash of a path. It names the path's folder, so it is the same in each run. */
static uint64_t hash(const char *path)
{
	uint64_t value = 0xcbf29ce484222325;

	for (; *path; path++)
		value = (value ^ (unsigned char)*path) * 0x100000001b3;
	return value;
}

/* Makes the folder, which other users may enter, since the program may change its user. Returns
 * whether it is there and only this user can change it. */
static bool has_safe_folder(const char *folder)
{
	struct stat status;

	if (mkdir(folder, 0755) == 0)
		return chmod(folder, 0755) == 0; /* whatever the umask is */
	return errno == EEXIST && lstat(folder, &status) == 0 && S_ISDIR(status.st_mode) &&
	       status.st_uid == geteuid() && !(status.st_mode & OTHERS_WRITE);
}

/* Makes the link. Returns whether it is there and leads to the library. */
static bool has_link(const char *link, const char *library)
{
	char target[PATH_MAX];
	ssize_t size;

	if (symlink(library, link) == 0)
		return true;
	size = readlink(link, target, sizeof(target));
	return size == (ssize_t)strlen(library) && memcmp(target, library, (size_t)size) == 0;
}

/* Makes a link that is used by this run only. It is needed if somebody else has taken the usual
 * folder. */
static int make_link_of_its_own(char link[PATH_MAX], const char *library)
{
	char folder[] = "/tmp/heapprof-XXXXXX";

	if (!mkdtemp(folder) || chmod(folder, 0755) < 0)
		return command_error("can't make a folder in /tmp: %s", strerror(errno));
	snprintf(link, PATH_MAX, "%s" LINK_NAME, folder);
	return symlink(library, link) == 0 ? EXIT_DONE
					   : command_error("%s: %s", link, strerror(errno));
}

int preload_link_replace(char library[PATH_MAX])
{
	char folder[64], link[PATH_MAX];
	int status = EXIT_DONE;

	if (!strpbrk(library, " :"))
		return EXIT_DONE;
	snprintf(folder, sizeof(folder), "/tmp/heapprof-%u-%016" PRIx64, (unsigned)geteuid(),
		 hash(library));
	snprintf(link, sizeof(link), "%s" LINK_NAME, folder);
	if (!has_safe_folder(folder) || !has_link(link, library))
		status = make_link_of_its_own(link, library);
	if (!status)
		snprintf(library, PATH_MAX, "%s", link);
	return status;
}
