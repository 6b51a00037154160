/* SPDX-License-Identifier: MIT */
#include "readers/report_log.h"

#include <inttypes.h>

#include "readers/reader.h"

void report_log_init(struct report_log *log, struct profile *profile)
{
	*log = (struct report_log){.profile = profile, .wanted = profile->wanted_report};
}

void report_log_deinit(struct report_log *log)
{
	profile_free(log->chosen);
	log->chosen = NULL;
}

struct profile *report_log_begin(struct report_log *log)
{
	struct profile *report = profile_new();

	if (report) {
		report->keeps_samples = log->profile->keeps_samples;
		report->wanted_report = log->profile->wanted_report;
	}
	return report;
}

bool report_log_wants_next(const struct report_log *log)
{
	return !log->wanted || log->wanted == log->n_ended + 1;
}

bool report_log_end_largest(struct report_log *log, struct profile *report, int64_t size)
{
	if (report_log_wants_next(log) &&
	    (log->wanted || !log->chosen || size > log->chosen_size)) {
		log->chosen_size = size;
		report_log_end(log, report);
		return true;
	}
	profile_free(report);
	log->n_ended++;
	return false;
}

void report_log_end(struct report_log *log, struct profile *report)
{
	if (report_log_wants_next(log)) {
		profile_free(log->chosen);
		log->chosen = report;
	} else {
		profile_free(report);
	}
	log->n_ended++;
}

int report_log_finish(struct report_log *log, const struct input *input, const char *what,
		      struct diag *diag)
{
	struct profile empty = *log->profile;

	if (log->wanted > log->n_ended)
		return diag_error(diag, READER_E_UNSUPPORTED,
				  "there is no %s number %" PRIu64 "; the input has %" PRIu64, what,
				  log->wanted, log->n_ended);
	if (!log->chosen)
		return diag_error_line(diag, READER_E_CORRUPT, input_line_number(input),
				       "there is no whole %s in the input", what);
	*log->profile = *log->chosen;
	*log->chosen = empty; /* report_log_deinit() frees it */
	log->profile->n_reports = log->n_ended;
	return 0;
}
