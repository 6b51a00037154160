/* SPDX-License-Identifier: MIT */
/* The report of a run is five lines on standard error: the memory in use at the end and at its
 * peak, the function that grew most, the folder of the dumps, and two commands that show more. */
#pragma once
#include "command/dump_files.h"

/* Prints the report of the dumps in that folder, or the error. `every_seconds` is the time of
 * --every, or 0. Returns the exit status. */
int run_report_print(const char *folder, const struct dump_run *run, uint64_t every_seconds);
