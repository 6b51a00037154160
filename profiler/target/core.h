/* SPDX-License-Identifier: MIT */
/* A core as a target: an ELF file with the memory of a process that has ended, or of one at a
 * moment. It may be cut, and what coredump_filter left out is not in it. */
#pragma once
#include "target/target.h"

/* How a core begins, and so is told from a program. */
enum {
	HP_CORE_HEAD_SIZE = 20
};

bool hp_core_is_head(const void *head, size_t size);

/* Opens the core in a regular file. Takes over `fd`. *out is to be closed, whatever is returned,
 * unless it is NULL for want of memory. 0 or HP_TARGET_E. */
int hp_target_open_core(int fd, struct hp_target **out);
