/* SPDX-License-Identifier: MIT */
/* The frames of a stopped thread in a target, by libunwind, from the unwind tables in the target's
 * memory. */
#pragma once
#include "target/target.h"

enum {
	HP_FRAMES_MAX = 512,
};

struct hp_frame {
	uint64_t pc, sp;
	bool is_return; /* the pc is a return address; else the frame is the innermost one, or was
			   interrupted by a signal */
};

/* Sets *out_n to the number of frames, the innermost first. Returns true if they are all there are.
 * Otherwise nothing is known of the callers of the last one: its code has no unwind table, as
 * generated code has not, or the stack is too deep. The target's maps should be those of the stop.
 */
bool hp_frames_read(struct hp_target *t, int thread, struct hp_frame *out, size_t *out_n);
