/* SPDX-License-Identifier: MIT */
/* Attach work is what is done to a process in one child of this program: see attach_session.h. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "command/attach/attach_library.h"
#include "command/attach/attach_session.h"
#include "target/apart.h"

enum attach_operation {
	ATTACH_LOOK,
	ATTACH_BEGIN,
	ATTACH_END,
	ATTACH_CHANGE,
};

struct attach_work {
	enum attach_operation operation;
	int pid;
	struct hp_apart_user user;
	struct attach_library library; /* of ATTACH_BEGIN */
	struct attach_change change;   /* of ATTACH_CHANGE */
	struct attach_wish wish;       /* of ATTACH_BEGIN */
};

struct attach_answer {
	int32_t r;          /* 0; or HP_TARGET_E, with a message that follows the process's name */
	int32_t state;      /* enum attach_state */
	int32_t was_absent; /* of ATTACH_END: there was nothing to undo */
	char message[512];
	char note[512];     /* what the user should know after success; empty: nothing */
	char allocator[64]; /* the name of malloc, if the program has an allocator of its own
			       next to that of its libraries; else empty */
};

/* Does the work, in the child; `out` is the pipe for the answer. Returns 0 after it has answered.
 */
int attach_work_do(int out, void *work);
