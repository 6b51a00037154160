/* SPDX-License-Identifier: MIT */
/* Gathers what a dump of this process holds, and has it printed. */
#pragma once
#include "base/options.h"
#include "dump/dump_text.h"

struct hp_dump_request {
	const struct hp_options *options;
	const char *reason;
	uint64_t number; /* which dump of this run: 1, 2, ...; not that in the file's name */
};

/* Writes a whole dump to `t`. False, and nothing written, if there is no memory for a copy of the
 * counts. Needs some 64 KiB of stack: call it on a scratch stack. Takes no lock while it formats.
 */
bool hp_dump_print(struct hp_text *t, const struct hp_dump_request *request,
		   struct hp_dump_summary *out);
