/* SPDX-License-Identifier: MIT */
/* Run settings are what the options of `heapprof run` say, and what it hands to the program's
 * environment. */
#pragma once
#include "cli/command.h"
#include "command/dump_files.h"

struct run_settings {
	struct settings common;
	const char *dumps; /* a prefix, as in HEAPPROFILE; NULL if it is not given */
	bool is_exact;
	uint64_t interval; /* 0 if it is not given */
	const char *every;
};

struct run_plan {
	const struct run_settings *settings;
	uint64_t every_seconds; /* 0 if --every is not given */
	char library[PATH_MAX]; /* for LD_PRELOAD */
	char link[PATH_MAX];    /* a folder with a link to the library, to be removed; or empty */
	char *prefix;           /* HEAPPROFILE of the program */
	bool is_temporary;      /* the prefix is in a folder of this run */
	bool is_place_known;    /* else the dumps can't be found afterwards */
	struct dump_place place;
};

/* Names of programs that mostly start others, as HEAP_PROFILE_PROGRAM takes them: they don't record
 * and so leave the prefix to the program that matters. */
extern const char run_wrappers[];

/* Whether `name` is one of them. */
bool run_is_wrapper(const char *name);

/* Parses the options and finds the library and the folder of the dumps. Prints each problem in a
 * line; returns the exit status. The caller calls run_plan_deinit(), also after a failure. */
int run_plan_init(struct run_plan *plan, const struct run_settings *settings);

/* Makes the temporary folder, if there is to be one, and a link to the library if its path has
 * characters that LD_PRELOAD can't hold. Prints the error; returns the exit status. */
int run_plan_make_folders(struct run_plan *plan);

/* Removes the link. */
void run_plan_deinit(struct run_plan *plan);

/* Sets the environment of this process, the child. Settings that are there already stay, unless an
 * option says otherwise. `context` is the plan. */
void run_plan_set_environment(const void *context);

/* Returns `path` with each '%' doubled, as a prefix has it, after the current folder if it is
 * relative. The caller frees it; NULL with errno set if that fails. */
char *run_make_absolute(const char *prefix, bool is_literal);
