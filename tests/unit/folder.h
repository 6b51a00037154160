/* SPDX-License-Identifier: MIT */
/* A temporary folder, made for one test program and removed at its end. */
#pragma once
#include "test.h"
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/heapprof-unit-XXXXXX";

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
	return remove(path);
}

static void remove_folder(void)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static __attribute__((constructor)) void make_folder(void)
{
	if (!mkdtemp(folder))
		abort();
	atexit(remove_folder);
}

/* Returns the path of a name in the folder. It stays valid during the next three calls. */
static inline const char *in_folder(const char *name)
{
	static char paths[4][4096];
	static int n;
	char *path = paths[n++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static inline void write_file(const char *path, const char *content)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content));
	close(fd);
}

/* Returns the content of a file, or "(none)" if the file can't be read. */
static inline const char *read_file(const char *path)
{
	static char content[4096];
	int fd = open(path, O_RDONLY | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, content, sizeof(content) - 1);

	if (fd >= 0)
		close(fd);
	content[n > 0 ? n : 0] = '\0';
	return n < 0 ? "(none)" : content;
}
