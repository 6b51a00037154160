/* SPDX-License-Identifier: MIT */
/* The report of a run is five lines on standard error: the memory in use at the end and at its
 * peak, the function that grew most, the folder of the dumps, and two commands that show more. A
 * further line names processes that are still running, and another says how much memory the numbers
 * leave out, if that is much. */
#pragma once
#include "command/inspect_process.h"
#include "command/run/dump_files.h"

/* Prints the report of the dumps in that folder, or the error. `survivors` are the processes of the
 * run that still record. `every_seconds` is the time of --every, or 0. `html` is the path of the
 * page to write, or NULL. Returns the exit status. */
int run_report_print(const char *folder, const struct dump_run *run, const process_vec *survivors,
		     uint64_t every_seconds, const char *html);

/* Prints a line that says that a process of the run, and perhaps others, still runs. */
void run_report_print_survivors(const process_vec *survivors);
