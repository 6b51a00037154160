/* SPDX-License-Identifier: MIT */
/* Paths as text. */
#pragma once
#include <limits.h>
#include <string.h>

enum {
	PATH_E_NOT_REGULAR = INT_MIN,
};

/* Opens a file to read it, without waiting for anything: a path from a profile may name a FIFO or a
 * device. With a `root`, a folder, no link leads out of it. The descriptor, -errno, or
 * PATH_E_NOT_REGULAR. */
int path_open_regular(const char *root, const char *path);

/* What stands behind the last slash; all of it if there is none. */
static inline const char *path_last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
