/* SPDX-License-Identifier: MIT */
/* A mark is the outermost frame of a stack that belongs to a pool: see hp_frame_of_pool().
 *
 * Any thread, from within a hook; may allocate: no. */
#pragma once
#include "unwind/unwind.h"

/* Adds a mark to the stack of a block from malloc if one of its innermost frames is code that calls
 * malloc for pools. The walker's last walk found `n` frames. Returns the number of frames. */
size_t hp_pool_marks_block(const struct hp_walker *walker, size_t n);
