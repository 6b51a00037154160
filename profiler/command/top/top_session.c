/* SPDX-License-Identifier: MIT */
#include "command/top/top_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "command/dump_writer.h"

static double now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Reads the tables. Returns false if that failed, and sets the session's `error` or `has_ended`. */
static bool read_tables(struct top_session *session, struct reading *reading)
{
	struct diag diag = {0};
	int r = reading_try(reading, &session->target, &diag);

	session->has_ended = found_target_has_ended(&session->target);
	snprintf(session->error, sizeof(session->error), "%s", r ? diag.error : "");
	diag_deinit(&diag);
	return !r && !session->has_ended;
}

int top_session_round(struct top_session *session)
{
	struct reading reading = {0};
	struct profile *profile;
	int status;

	if (!read_tables(session, &reading)) {
		reading_deinit(&reading);
		return EXIT_DONE;
	}
	reading_deinit(&session->reading);
	session->reading = reading;
	profile = reading_parse(&session->reading, &session->target, session->settings);
	if (!profile)
		return EXIT_BAD;
	session->rss_bytes = profile_metadata_number(profile, "rss_bytes");
	session->has_limit = memory_limit_find(&session->cgroups, reading.task, &session->limit);
	status = top_model_add(&session->model, profile, now_seconds());
	if (!status && top_model_list(&session->model, &session->choice))
		status = command_error("%s", strerror(ENOMEM));
	return status;
}

void top_session_deinit(struct top_session *session)
{
	reading_deinit(&session->reading);
	top_model_deinit(&session->model);
}

int top_session_save(const struct top_session *session, char out_path[PATH_MAX])
{
	const char *program = session->target.program;
	char prefix[NAME_MAX + 32];
	uint64_t number = 0;

	snprintf(prefix, sizeof(prefix), "./%s.%d", *program ? program : "process",
		 session->target.pid);
	return dump_write_numbered(prefix, &number, session->reading.text, session->reading.size,
				   out_path);
}
