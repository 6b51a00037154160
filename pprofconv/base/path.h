/* SPDX-License-Identifier: MIT */
/* path_last_part() works on paths as text, and opens nothing. */
#pragma once
#include <string.h>

/* Returns the part after the last slash, or all of `path` if it has none. */
static inline const char *path_last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
