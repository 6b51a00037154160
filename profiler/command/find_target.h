/* SPDX-License-Identifier: MIT */
/* A TARGET on the command line is a process ID, or the name of the executable of exactly one
 * running process. The process that it names is followed by a pidfd, so that a later process with
 * the same ID is not taken for it. */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/diag.h"
#include "cli/command.h"
#include "command/inspect_process.h"
#include "model/profile.h"

struct found_target {
	pid_t pid;
	uid_t uid;
	int pidfd;
	char program[NAME_MAX + 1]; /* the executable's name, or empty if it can't be read */
};

/* Parses a process ID. Returns false if the text is not one. */
bool target_parse_id(const char *text, pid_t *out);

/* Finds the process. `command` is the name of the running command, for advice; "" for the one
 * without a name. Prints the error;
 * returns the exit status. The caller calls found_target_deinit() after success. */
int target_find(const char *word, const char *command, struct found_target *out);

/* Does the same for a command that takes one TARGET. */
int target_find_only(const struct settings *settings, const char *command,
		     struct found_target *out);

/* Opens a process that was found in /proc, and reads its facts. Returns 0, a negative errno, or
 * -ESRCH without a process that has memory of its own. The caller calls found_target_deinit() after
 * success. */
int target_open(pid_t pid, struct found_target *out, struct process_facts *out_facts);

void found_target_deinit(struct found_target *target);

/* Returns whether the process has ended. */
bool found_target_has_ended(const struct found_target *target);

/* Writes "4711 (app)", or "4711" if the name is not known. */
void found_target_name(const struct found_target *target, char *out, size_t size);

/* A reading is the dump of a target at one moment. */
struct reading {
	char *text;
	size_t size;
	int task; /* as outside_read_process() has it */
};

/* Reads the process's tables. Prints the error, also if the process has ended meanwhile; returns
 * the exit status. Call reading_deinit() on failure too. */
int reading_init(struct reading *reading, const struct found_target *target);
int reading_init_stopped(struct reading *reading, const struct found_target *target);

/* Does the same, but returns 0 or a failure whose message is in `diag`: -ESRCH if the process has
 * ended, -EPERM if the kernel does not let this process read it. */
int reading_try(struct reading *reading, const struct found_target *target, struct diag *diag);
void reading_deinit(struct reading *reading);

/* Returns the profile of a reading, which the caller frees, or NULL after it printed an error. */
struct profile *reading_parse(const struct reading *reading, const struct found_target *target,
			      const struct settings *settings);
