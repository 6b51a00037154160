/* SPDX-License-Identifier: MIT */
/* Finds libheapprof.so: the file that $HEAPPROF_LIBRARY names, else the one in the build folder
 * that the program `heapprof` is in, else the installed one. */
#pragma once
#include <limits.h>

/* The library that is loaded into running processes; their maps show this name. */
#define ATTACHED_NAME "libheapprof-attach.so"

/* Stores the absolute path of the library; a name without a slash in $HEAPPROF_LIBRARY, which the
 * loader looks for, is stored as it is. Prints the error; returns the exit status. */
int library_find(char out_path[PATH_MAX]);

/* Does the same for the library that attach loads into a process, which needs the C library only,
 * and for $HEAPPROF_ATTACH_LIBRARY. */
int library_find_attached(char out_path[PATH_MAX]);

/* Stores the command that runs pprofconv: its name if it is in $PATH, else the path of the
 * pprofconv that was built or installed with this program. */
void library_find_pprofconv(char out_path[PATH_MAX]);

/* Does the same for the command that runs heapprof, this program. */
void library_find_heapprof(char out_path[PATH_MAX]);
