/* SPDX-License-Identifier: MIT */
/* A report is a one-line message on standard error, "heapprof: ...". Any thread; signal-safe: yes;
 * may allocate: no. errno is left alone. */
#pragma once
#include "base/text.h"

/* Remembers which file descriptor 2 refers to. A program may close it and open a database in its
 * place: from then on nothing is written. Call once, at start. */
void hp_report_init(void);

/* Returns true if descriptor 2 is a terminal and was one at start. */
bool hp_report_is_terminal(void);

/* Writes "heapprof: ", `line` and a newline as one write, cut at 1 KiB. Control characters are
 * written as \n or \x1f. A line that can't be written is lost, and no signal is raised. */
void hp_report(const char *line);

/* Same, for a line that was built as a text. */
void hp_report_text(struct hp_text *line);
