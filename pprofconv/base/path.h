/* SPDX-License-Identifier: MIT */
/* path_open_regular() opens files. The other functions work on paths as text, and open nothing. */
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

/* The folder that all paths of a list are in. All zeroes: the list is empty. */
struct path_folder {
	const char *path; /* one of the list; NULL if it is empty */
	size_t size;      /* of the folder with its last slash; 0: the paths have none in common */
};

/* Adds a path, which must outlive the folder. The empty path is not added. The root is not taken
 * for a folder that paths have in common. */
void path_folder_add(struct path_folder *folder, const char *path);

/* Returns the part of the path after the folder, or all of it if it is not in the folder. */
const char *path_within(const struct path_folder *folder, const char *path);
