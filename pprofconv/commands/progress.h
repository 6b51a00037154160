/* SPDX-License-Identifier: MIT */
/* Progress is a line on standard error that shows how much of the work is done. It appears if the
 * work takes longer than two seconds and standard error is a terminal. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* A part of the work: reading or writing a file, or looking up names. */
struct progress {
	const char *file;
	bool is_on;
	bool is_shown;
};

/* Begins a part of the work. The two seconds count from the first part in the process. */
void progress_begin(struct progress *progress, const char *file, bool is_wanted);

/* Report how much of a part is done. `progress` points to a struct progress. Call these functions
 * often. */
void progress_read(void *progress, uint64_t n_bytes);
void progress_named(void *progress, uint64_t n_locations);
void progress_written(void *progress, uint64_t n_bytes);

/* Ends a part. Removes the line if it was shown. */
void progress_end(struct progress *progress);
