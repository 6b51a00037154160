/* SPDX-License-Identifier: MIT */
/* Prefix names are the names that the prefix of dumps has for another process, as libheapprof(3)
 * defines them: %p is the process ID, %e the program, %h the host, %t the time of the start. */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct prefix_values {
	pid_t pid;
	const char *program;
	uint64_t start_seconds;
};

/* Stores the prefix of a process. Dots at the beginning of a file's name that %e gives are left
 * out, so that no file is hidden. Returns false if the result is longer than a path can be. */
bool prefix_expand(const char *pattern, const struct prefix_values *values, char out[PATH_MAX]);

/* Returns the prefix, with %e after it if it is a folder or ends with a slash. The caller frees it.
 * Returns NULL with errno set if that fails. */
char *prefix_complete(const char *prefix);

/* Returns whether the prefix has the expansion of that letter, as %p. */
bool prefix_has(const char *pattern, char letter);

/* Returns the highest number of the dumps PREFIX.NNNN.heap that are there, or 0. */
uint64_t prefix_last_number(const char *prefix);
