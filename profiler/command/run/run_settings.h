/* SPDX-License-Identifier: MIT */
/* Run settings are the values of the options of `heapprof run`. A run plan is what they become in
 * the program's environment. */
#pragma once
#include "cli/command.h"
#include "command/leaks/leak_server.h"
#include "command/run/dump_files.h"

#define INTERVAL_NOT_GIVEN UINT64_MAX

struct run_settings {
	struct settings common;
	const char *dumps; /* a prefix, as in HEAPPROFILE; NULL if it is not given */
	bool is_exact;
	uint64_t interval; /* INTERVAL_NOT_GIVEN if it is not given */
	const char *every;
	const char *html; /* the page to write at the end, or NULL */
};

struct run_plan {
	const struct run_settings *settings;
	uint64_t every_seconds; /* 0 if --every is not given */
	char library[PATH_MAX]; /* for LD_PRELOAD */
	char *prefix;           /* HEAPPROFILE of the program */
	bool is_temporary;      /* the prefix is in a folder of this run */
	bool is_place_known;    /* else the dumps can't be found afterwards */
	struct leaks_settings leak_check;
	struct leak_server *leaks; /* NULL: HEAPCHECK does not ask for it */
	struct dump_place place;
};

/* Wrappers are programs that mostly start others. They don't record, which leaves the prefix to the
 * program that matters. The names are a list as HEAP_PROFILE_PROGRAM takes it. */
extern const char run_wrappers[];

/* Returns whether `name` is that of a wrapper. */
bool run_is_wrapper(const char *name);

/* Returns whether `heapprof run` does not record the program at `path`, but only the programs that
 * it starts: it is a wrapper or, if HEAP_PROFILE_PROGRAM is set, that leaves it out. `command` is
 * the name or path by which it is started. */
bool run_leaves_out(const char *path, const char *command);

/* Parses the options and finds the library and the folder of the dumps. Prints a line for each
 * problem and returns the exit status. The caller calls run_plan_deinit(), also after a failure. */
int run_plan_init(struct run_plan *plan, const struct run_settings *settings);

/* Makes the temporary folder, unless a prefix is given, and a link to the library if its path has
 * characters that LD_PRELOAD can't hold. Prints the error; returns the exit status. */
int run_plan_make_folders(struct run_plan *plan);

void run_plan_deinit(struct run_plan *plan);

/* Sets the environment of this process, which is the child. Settings that are already there are
 * kept, unless an option replaces them. `context` is the plan. */
void run_plan_set_environment(const void *context);

/* Parts of it for other commands: puts the library before others in LD_PRELOAD, and lets wrappers
 * not record, unless HEAP_PROFILE_PROGRAM is set. */
void run_preload(const char *library);
void run_leave_out_wrappers(void);

/* Checks that dumps can be written to a folder. Prints the error; returns the exit status. */
int run_check_folder(const char *folder);

/* Returns `prefix`, after the current folder if it is relative. Each '%' of that folder is doubled,
 * so that it is not expanded, and each '%' of `prefix` too if `is_literal`. The caller frees the
 * result. Returns NULL with errno set if that fails. */
char *run_make_absolute(const char *prefix, bool is_literal);
