/* SPDX-License-Identifier: MIT */
/* The text of a dump; its format stands in dump.c. */
#pragma once
#include "options.h"
#include "text.h"

struct hp_dump_request {
	const struct hp_options *options;
	const char *reason;
	uint64_t number; /* which dump of this run: 1, 2, ...; not that in the file's name */
};

struct hp_dump_summary {
	uint64_t inuse_objects, inuse_bytes, alloc_objects,
		alloc_bytes; /* as printed: raw samples */
};

/* Writes a whole dump to `t`. False, and nothing written, if there is no memory for a copy of the
 * counts. Needs some 64 KiB of stack: call it on a scratch stack. Takes no lock while it formats.
 */
bool hp_dump_print(struct hp_text *t, const struct hp_dump_request *request,
		   struct hp_dump_summary *out);
