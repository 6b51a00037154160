/* SPDX-License-Identifier: MIT */
/* A report log is an input that holds several reports, each of which could be a profile of its own:
 * a tool that looked for leaks three times has written three. One of them is chosen: the last, or
 * the one that --nth names. While the log is read, only the chosen one so far and those that have
 * not ended are in memory. */
#pragma once
#include "base/diag.h"
#include "base/input.h"
#include "model/profile.h"

struct report_log {
	struct profile *profile; /* gets the chosen report */
	uint64_t wanted;         /* from 1; 0: the last */
	uint64_t n_ended;
	struct profile *chosen;
	int64_t chosen_size;
};

/* `profile` is the reader's, empty; its `wanted_report` says which report is chosen. */
void report_log_init(struct report_log *log, struct profile *profile);
void report_log_deinit(struct report_log *log);

/* Returns an empty profile for a report that begins, or NULL if memory is out. The caller frees it,
 * unless it gives it to report_log_end(). */
struct profile *report_log_begin(struct report_log *log);

/* Says that a report has ended and is whole. Frees the profile, or keeps it if it is chosen. */
void report_log_end(struct report_log *log, struct profile *report);

/* Does the same, but if no report was asked for, the one with the largest `size` is chosen, the
 * first of equal ones. Returns whether this one is the choice so far. */
bool report_log_end_largest(struct report_log *log, struct profile *report, int64_t size);

/* Returns whether a report that ends next will be the result if nothing follows. */
bool report_log_wants_next(const struct report_log *log);

/* Moves the chosen report into the reader's profile and sets its `n_reports`. Returns 0, or reports
 * that there is no such report, where `what` names a report, as in "leak search". */
int report_log_finish(struct report_log *log, const struct input *input, const char *what,
		      struct diag *diag);
