/* SPDX-License-Identifier: MIT */
/* The library is libheapprof.so. It is looked for where $HEAPPROF_LIBRARY says, else in the build
 * folder that the program `heapprof` is in, else where it is installed. */
#pragma once
#include <limits.h>

/* Stores the absolute path of the library; a name without a slash in $HEAPPROF_LIBRARY, which the
 * loader looks for, is stored as it is. Prints the error; returns the exit status. */
int library_find(char out_path[PATH_MAX]);

/* Stores how to type `pprofconv`: its name if it is in $PATH, else the path of the one that was
 * built or installed with this program. */
void library_find_pprofconv(char out_path[PATH_MAX]);
