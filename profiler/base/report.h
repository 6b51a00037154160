/* SPDX-License-Identifier: MIT */
/* One-line messages on standard error, "heapprof: ...", without allocation. */
#pragma once
#include "base/text.h"

/* Remembers which file descriptor 2 is. A program may close it and open a database in its place:
 * from then on nothing is written. Call once at start. */
void hp_report_init(void);

/* True if descriptor 2 is a terminal and was one at start. */
bool hp_report_is_terminal(void);

/* Writes `line` (without "heapprof: " and newline) as one write; cut at 1 KiB.
 * Control characters come out as \n or \x1f. Where it can't be written it is lost, and no signal is
 * raised. Any thread, signal-safe. errno is left alone. */
void hp_report(const char *line);

/* The same for a line that was put together in a text. */
void hp_report_text(struct hp_text *line);
