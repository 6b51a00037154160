/* SPDX-License-Identifier: MIT */
/* Descendants are the processes that a process has started, and those that they have started, as
 * long as the processes in between live. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "base/vec.h"

struct process_line { /* what /proc/PID/stat says */
	pid_t pid, parent;
	bool is_fork; /* it has executed no program since its fork */
};

typedef VEC(struct process_line) process_lines;

/* Parses the text of /proc/PID/stat. Returns false if it is not such a text. */
bool process_line_parse(const char *text, struct process_line *out);

/* Appends the process itself and its descendants, each after its parent. Returns 0 or a negative
 * errno. */
int descendants_find(pid_t root, process_lines *out);

/* Returns whether a process is that one or its descendant. */
bool descendants_have(pid_t root, pid_t pid);
