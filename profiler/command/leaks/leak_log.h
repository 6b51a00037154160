/* SPDX-License-Identifier: MIT */
/* A leak log is where reports about leaks go: standard error, or the file that --log-file names, in
 * whose path %p stands for the ID of the process that a report is about. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

#include "base/vec.h"

struct leak_log {
	const char *path;   /* NULL: standard error */
	VEC(pid_t) written; /* processes whose file was begun */
};

/* Checks the path, and begins the file if there is one for all processes. Prints the error; returns
 * the exit status. The path must outlive the log. Call leak_log_deinit() on failure, too. */
int leak_log_init(struct leak_log *log, const char *path);
void leak_log_deinit(struct leak_log *log);

/* Writes a report about a process. Returns 0 or a negative errno. */
int leak_log_write(struct leak_log *log, pid_t pid, const char *text, size_t size);
