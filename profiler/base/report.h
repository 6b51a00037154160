/* SPDX-License-Identifier: MIT */
/* A report is a one-line message on standard error, "heapprof: ...". Any thread; signal-safe: yes;
 * may allocate: no. Leaves errno alone. */
#pragma once
#include "base/text.h"

/* Remembers which file descriptor 2 refers to. The program may close it and open another file, such
 * as a database, under that number; then no more reports are written. Call it once, at start. */
void hp_report_init(void);

/* Returns true if descriptor 2 is a terminal, and is the same file as at start. */
bool hp_report_is_terminal(void);

/* Writes "heapprof: ", `line` and a newline with one system call, cut at 1 KiB. Control characters
 * are written as \n or \x1f. If the write fails, the line is lost and no signal is raised. */
void hp_report(const char *line);

/* Same as hp_report(), but for a line that was built as a text. */
void hp_report_text(struct hp_text *line);
