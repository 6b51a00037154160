/* SPDX-License-Identifier: MIT */
/* hp_dump_print() gathers the contents of a dump of this process and prints them. */
#pragma once
#include "base/options.h"
#include "dump/dump_text.h"

struct hp_dump_request {
	const struct hp_options *options;
	const char *reason;
	uint64_t number; /* of the dump in this run: 1, 2, ...; not the one in the file's name */
};

/* Writes a whole dump to `t`. Returns false, with nothing written, if there is no memory for a copy
 * of the counts. Needs about 64 KiB of stack: call it on a scratch stack. Takes no lock while it
 * formats. */
bool hp_dump_print(struct hp_text *t, const struct hp_dump_request *request,
		   struct hp_dump_summary *out);
