/* SPDX-License-Identifier: MIT */
/* Progress is a line on standard error that shows how far the work is. It appears if the work takes
 * longer than two seconds and standard error is a terminal. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct progress { /* one part of the work: a file that is read, named or written */
	const char *file;
	bool is_on;
	bool is_shown;
};

/* Begins a part. The two seconds count from the process's first part. */
void progress_begin(struct progress *progress, const char *file, bool is_wanted);

/* Report how far the part is; `progress` is a struct progress. To be called often. */
void progress_read(void *progress, uint64_t n_bytes);
void progress_named(void *progress, uint64_t n_locations);
void progress_written(void *progress, uint64_t n_bytes);

/* Removes the line, if it was shown. */
void progress_end(struct progress *progress);
