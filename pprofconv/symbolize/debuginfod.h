/* SPDX-License-Identifier: MIT */
/* Files from debuginfod servers, by build ID. The library is loaded when it is first asked for:
 * who doesn't ask has nothing of it in the process, and no environment variable is looked at. */
#pragma once

enum debuginfod_kind {
	DEBUGINFOD_EXECUTABLE,
	DEBUGINFOD_DEBUGINFO,
};

enum {
	DEBUGINFOD_E_NONE = 1, /* no library, no server, or no such file there */
};

/* Downloads a file into the user's cache of such files. The path is to be freed.
 * 0 or DEBUGINFOD_E_NONE. */
int debuginfod_fetch(const char *build_id, enum debuginfod_kind kind, char **out_path);
