/* SPDX-License-Identifier: MIT */
/* A core is an ELF file with the memory of a process at one moment. It may be truncated, and it
 * lacks the memory that coredump_filter excludes. */
#pragma once
#include "target/target.h"

enum {
	HP_CORE_HEAD_SIZE = 20
};

/* Returns true if a file that begins with these bytes is a core, and not a program. */
bool hp_core_is_head(const void *head, size_t size);

/* Opens the core in a regular file. Takes ownership of `fd`, even on failure. Returns 0 or
 * HP_TARGET_E. The caller closes *out in either case; it is NULL if memory was out. */
int hp_target_open_core(int fd, struct hp_target **out);
