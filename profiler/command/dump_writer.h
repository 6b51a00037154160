/* SPDX-License-Identifier: MIT */
/* A dump writer writes dumps of other processes as libheapprof writes its own: to PREFIX.0001.heap,
 * PREFIX.0002.heap and so on. A file appears under its name when it is complete, and no file is
 * replaced. */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

/* Stores PREFIX.NNNN.heap. Returns false if the path would be too long. */
bool dump_numbered_path(const char *prefix, uint64_t number, char out_path[PATH_MAX]);

/* Writes the text of a dump to the first name of `prefix` that is free after number *number, and
 * stores the number and the path. Begin with number 0. Returns 0, or a negative errno with a
 * message in `diag`; then the number is unchanged. */
int dump_write_next(const char *prefix, uint64_t *number, const char *text, size_t size,
		    char out_path[PATH_MAX], struct diag *diag);

/* Same as dump_write_next(), but prints the error and returns the exit status. */
int dump_write_numbered(const char *prefix, uint64_t *number, const char *text, size_t size,
			char out_path[PATH_MAX]);

/* Writes the text of a dump to the file at `path`, or to standard output if it is "-". An existing
 * file is replaced. Prints the error; returns the exit status. */
int dump_write_file(const char *path, const char *text, size_t size);
