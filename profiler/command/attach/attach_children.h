/* SPDX-License-Identifier: MIT */
/* The children of an attached process that it has forked meanwhile are attached, too: they have a
 * copy of its memory. A child has the library at the same addresses, and runs the same program. */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "command/find_target.h"

enum {
	ATTACH_LIBRARY_LINE =
		128, /* the part of a line of maps that counts: addresses and offset */
};

/* By what the children are found, also when their parent has ended. */
struct attach_parent {
	bool has_library; /* else it has no children that are attached */
	dev_t device;     /* of its program */
	ino_t inode;
	char library[ATTACH_LIBRARY_LINE]; /* the first mapping of the library */
};

void attach_parent_init(struct attach_parent *out, pid_t pid);

/* Returns true if the process is one of the children; false if it has ended, or has executed
 * another program. */
bool attach_children_has(const struct attach_parent *parent, pid_t pid);

/* Appends the children, and theirs. The process itself, `parent_pid`, is left out. Returns 0 or a
 * negative errno. */
int attach_children_find(const struct attach_parent *parent, pid_t parent_pid, process_vec *out);
