/* SPDX-License-Identifier: MIT */
/* The library that is loaded into other processes: libheapprof in a form that needs the C library
 * only. */
#pragma once
#include <limits.h>
#include <stdbool.h>

#include "target/target.h"

struct attach_library {
	char path[PATH_MAX];
	int file; /* open for reading */
};

/* Finds the library: the file that $HEAPPROF_ATTACH_LIBRARY names, else the one that was built or
 * installed with this program. Prints the error; returns the exit status. */
int attach_library_open(struct attach_library *out);
void attach_library_close(struct attach_library *library);

/* Returns whether the library's path leads to the same file in the process's own root. If not, as
 * in a container, it can only be loaded from memory. */
bool attach_library_is_in(const struct attach_library *library, const struct hp_target *t);
