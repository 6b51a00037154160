/* SPDX-License-Identifier: MIT */
/* Leftovers are what a killed tool has left in a target although nothing uses it: areas (thread.h),
 * memory files (memory_file.h), near pages without a jump (patches.h), and stubs (slack.h). */
#pragma once
#include "target/target.h"

/* Returns true if there are some. The process runs, and nothing in it is touched. */
bool hp_leftovers_exist(struct hp_target *t);

/* Removes them. The process is stopped for milliseconds. Returns 0 or HP_TARGET_E. */
int hp_leftovers_remove(struct hp_target *t);
