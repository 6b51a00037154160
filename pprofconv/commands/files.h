/* SPDX-License-Identifier: MIT */
/* The files of a command are those that its arguments name. An output must not overwrite a file
 * that is read. These functions check this; each prints an error if it fails, and returns the exit
 * status. */
#pragma once
#include <sys/types.h>

#include "base/vec.h"
#include "commands/command.h"

struct files_id { /* identifies a file that is read */
	dev_t device;
	ino_t inode;
	const char *name;
};

struct files {
	VEC(struct files_id) ids;
};

/* Collects the regular files among the inputs and the arguments of --binary. Call files_deinit() on
 * failure too. */
int files_init(struct files *files, const struct settings *settings);
void files_deinit(struct files *files);

/* Adds one more file. */
int files_add(struct files *files, const char *path);

/* Fails if `path` is one of the collected files. */
int files_check_output(const struct files *files, const char *path);

/* Collects the files and checks `output`, for a command with one output; NULL is standard output.
 * `more` lists the command's own options that name files to read, and ends with NULL; `more` itself
 * may be NULL. */
int files_check(const struct settings *settings, const struct texts *const *more,
		const char *output);

/* Fails if an input is missing or unreadable. */
int files_check_inputs(const struct settings *settings);
