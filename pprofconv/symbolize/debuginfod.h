/* SPDX-License-Identifier: MIT */
/* debuginfod fetches files by build ID from debuginfod servers. The library libdebuginfod is loaded
 * at the first request. Without a request, none of its code runs and none of its environment
 * variables is read. */
#pragma once

enum debuginfod_kind {
	DEBUGINFOD_EXECUTABLE,
	DEBUGINFOD_DEBUGINFO,
};

enum {
	DEBUGINFOD_E_NONE = 1, /* no library, no server, or no such file there */
};

/* Downloads a file into the user's cache of such files. Returns 0 or DEBUGINFOD_E_NONE. The caller
 * frees *out_path. */
int debuginfod_fetch(const char *build_id, enum debuginfod_kind kind, char **out_path);
