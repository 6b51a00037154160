/* SPDX-License-Identifier: MIT */
/* A frame as valgrind's tools write it:
 *
 *	frame = "0x" address ":" name [ " (" ( file ":" line | "in " object ) ")" ]
 *
 * The address is that of the call. A name may have parentheses and colons. With --sym-offsets,
 * "+OFFSET" follows it. */
#pragma once
#include "readers/named_stack.h"

/* Adds a frame to the stack and returns true, or returns false if `text` is not a frame. */
bool valgrind_frame_push(struct named_stack *stack, struct cursor text);

/* Adds a frame whose parts are known. `object` is the program or library. A frame without a name
 * is named by its object and address, which is the same in each run under valgrind. */
void valgrind_frame_push_parts(struct named_stack *stack, struct named_frame frame,
			       struct cursor object);
