/* SPDX-License-Identifier: MIT */
/* Attaches to the pools of a process: to the memory contexts of PostgreSQL, by the words of
 * control/attached.h. */
#pragma once
#include <stdbool.h>

#include "control/attached.h"
#include "inject/image.h"
#include "inject/stack_words.h"
#include "target/target.h"

/* Finds what the library needs to know of the server, which may run, and checks that its contexts
 * are of a known form. Returns 0 or HP_TARGET_E. */
int attach_pools_find(struct hp_target *t, struct hp_attached_contexts *out);

/* Sets *out to the range of the library's functions for pools, which is empty if it has prepared
 * none. A thread may return there also after the tables and the patches are undone. */
void attach_pools_code(struct hp_target *t, const struct hp_image *library,
		       struct hp_code_range *out);

/* Writes the words that the library has prepared: with its own functions if `ours`, otherwise with
 * the server's. The process is stopped meanwhile, unless there is nothing to write. Words that
 * somebody else has changed stay as they are; if there is one among those that are to become ours,
 * none does. Returns 0 or HP_TARGET_E. */
int attach_pools_write(struct hp_target *t, const struct hp_image *library, bool ours);
