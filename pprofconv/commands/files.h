/* SPDX-License-Identifier: MIT */
/* The files that the arguments name: what is read is never written over. */
#pragma once
#include <sys/types.h>

#include "base/vec.h"
#include "commands/command.h"

struct files_id { /* of a file that is read */
	dev_t device;
	ino_t inode;
	const char *name;
};

struct files {
	VEC(struct files_id) ids;
};

/* Notes the regular files that every command reads: its inputs and --binary. Prints the error;
 * returns the exit status. files_deinit() is to be called whatever it is. */
int files_init(struct files *files, const struct settings *settings);
void files_deinit(struct files *files);

/* Refuses to write to `path` if it is one of the files. Returns the exit status. */
int files_check_output(const struct files *files, const char *path);

/* Does all that for a command with one output, which may be NULL. `more` are the options of its own
 * that name files to read; it ends with NULL, or is NULL. */
int files_check(const struct settings *settings, const struct texts *const *more,
		const char *output);

/* Refuses inputs that are not there or may not be read. Returns the exit status. */
int files_check_inputs(const struct settings *settings);
