/* SPDX-License-Identifier: MIT */
/* Paths as text. */
#pragma once
#include <string.h>

/* What stands behind the last slash; all of it if there is none. */
static inline const char *path_last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
