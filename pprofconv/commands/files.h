/* SPDX-License-Identifier: MIT */
/* A command's files are those that its arguments name. An output must not overwrite one that is
 * read; these functions check it. They print their error and return the exit status. */
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

/* Notes the regular files among the inputs and --binary. The caller calls files_deinit(), also
 * after a failure. */
int files_init(struct files *files, const struct settings *settings);
void files_deinit(struct files *files);

/* Refuses to write to `path` if it is one of the files. */
int files_check_output(const struct files *files, const char *path);

/* Does both for a command with one output; NULL is standard output. `more` lists the command's own
 * options that name files to read, and ends with NULL; it may be NULL. */
int files_check(const struct settings *settings, const struct texts *const *more,
		const char *output);

/* Refuses inputs that are missing or unreadable. */
int files_check_inputs(const struct settings *settings);
