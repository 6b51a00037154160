/* SPDX-License-Identifier: MIT */
/* The report of a run is five lines on standard error: what was in use at the end and at the most,
 * what grew, where the dumps are, and the commands that show more. */
#pragma once
#include "command/dump_files.h"

/* Prints the report of the dumps in that folder. Prints the error; returns the exit status. */
int run_report_print(const char *folder, const struct dump_run *run);

/* Returns `text` as a word of a shell's command line. The caller frees it; NULL if memory is out.
 */
char *run_report_quote(const char *text);
