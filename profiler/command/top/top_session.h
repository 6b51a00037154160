/* SPDX-License-Identifier: MIT */
/* A session of `heapprof top` reads a process in rounds, for the screen and for rounds of text. */
#pragma once
#include "base/diag.h"
#include "command/find_target.h"
#include "command/memory_limit.h"
#include "command/top/top_model.h"

/* The functions that are hidden unless others are named. */
#define TOP_HIDE "^std::|^__gnu_cxx::|^operator (new|delete)"

struct top_settings {
	struct settings common;
	bool once;
	uint64_t n_rounds; /* 0: until the process ends */
	const char *every, *sort, *hide;
	uint64_t n_lines;
	bool stacks, cumulative, full_names;
};

struct top_session {
	const struct settings *settings;
	struct found_target target;
	char name[NAME_MAX + 32]; /* "app (4711)" */
	struct top_choice choice;
	struct top_model model;
	uint64_t every_seconds;
	uint64_t n_rounds;
	uint64_t n_lines; /* rows of a round of text; 0: all */
	bool only_growth; /* rounds of text have only the rows that grew */
	int end_fd;       /* is readable when the rounds are to end; -1: never */
	bool full_names;

	/* The last reading. */
	struct reading reading;
	uint64_t rss_bytes; /* 0: not known */
	struct cgroup_mount cgroups;
	bool has_limit;
	struct memory_limit limit;

	bool has_ended;            /* the process has */
	bool is_output_closed;     /* nobody reads standard output any more */
	char error[DIAG_TEXT_MAX]; /* why the last round failed, or "" */
};

/* Reads the process and adds the reading to the model. Returns EXIT_DONE, also if the round failed:
 * then `error` or `has_ended` says why, and the last reading stays. Returns EXIT_BAD, after it
 * printed the error, if no round can be made any more. */
int top_session_round(struct top_session *session);
void top_session_deinit(struct top_session *session);

/* Writes the text of the last reading to PROGRAM.PID.NNNN.heap in the current folder. Prints the
 * error; returns the exit status. */
int top_session_save(const struct top_session *session, char out_path[PATH_MAX]);
