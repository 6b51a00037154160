/* SPDX-License-Identifier: MIT */
/* The children of an attached process that it has forked meanwhile are attached, too: they have a
 * copy of its memory. A child has the library at the same addresses, and runs the same program. */
#pragma once
#include "command/find_target.h"

/* Appends the children, and theirs. Returns 0 or a negative errno. */
int attach_children_find(const struct found_target *target, process_vec *out);
