/* SPDX-License-Identifier: MIT */
/* A line on standard error while work takes longer than two seconds, if that is a terminal. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct progress { /* of a part of the work: a file that is read, named or written */
	const char *file;
	bool is_on;
	bool is_shown;
};

/* Begins a part. Time is counted from the first one of the process. */
void progress_begin(struct progress *progress, const char *file, bool is_wanted);

/* To be called now and then with how far it is; `progress` is a struct progress. */
void progress_read(void *progress, uint64_t n_bytes);
void progress_named(void *progress, uint64_t n_locations);
void progress_written(void *progress, uint64_t n_bytes);

/* Takes the line away, if there is one. */
void progress_end(struct progress *progress);
