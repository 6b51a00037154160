/* SPDX-License-Identifier: MIT */
/* A row of an image's .eh_frame_hdr is where a function begins, and where its unwind data are. The
 * rows are sorted. Any thread; signal-safe: yes; may allocate: no. */
#pragma once
#include "unwind/image_memory.h"

struct hp_unwind_row {
	int32_t ip, entry; /* both counted from the header */
};

/* Sets *out to the address of the last row whose function begins at `ip` or before it. Returns
 * false if there is none, or if the table is not encoded in the usual way. */
bool hp_unwind_rows_find(struct hp_image_memory *image, uintptr_t ip, uintptr_t *out);
