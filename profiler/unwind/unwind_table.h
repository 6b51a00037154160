/* SPDX-License-Identifier: MIT */
/* An unwind table is an image's .eh_frame: for each code address it says how to get from a frame to
 * its caller's. These functions make a frame rule of an entry. Two files define them:
 * unwind_table_libunwind.c, and unwind_table_plain.c for the library that is injected into running
 * processes, which needs nothing but the C library.
 *
 * Any thread, on a scratch stack; may allocate: no. */
#pragma once
#include "unwind/frame_rule.h"
#include "unwind/image_memory.h"

/* Call it once, where calling malloc is safe. Returns false if no table can be read. */
bool hp_unwind_table_init(void);

/* Sets the rule's kind and offsets for the instruction at `ip`, which is in the image. Leaves the
 * rule as it is if the table has no entry for it, or one that no rule can express. */
void hp_unwind_table_rule(struct hp_image_memory *image, uintptr_t ip, struct hp_frame_rule *rule);

/* Call it in a fork child. If `is_clean` is false, another thread may have been reading a table
 * when the process forked. */
void hp_unwind_table_after_fork(bool is_clean);
