/* SPDX-License-Identifier: MIT */
/* path_last_part() works on paths as text, and opens nothing. */
#pragma once
#include <limits.h>
#include <string.h>

enum {
	PATH_E_NOT_REGULAR = INT_MIN,
};

/* Opens a regular file for reading. It does not block, although a path from a profile may name a
 * FIFO or a device. If `root` is not NULL, `path` is resolved within that folder, and no symbolic
 * link leads out of it. Returns a descriptor, -errno, or PATH_E_NOT_REGULAR. */
int path_open_regular(const char *root, const char *path);

/* Returns the part after the last slash, or all of `path` if it has none. */
static inline const char *path_last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
