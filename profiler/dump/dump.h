/* SPDX-License-Identifier: MIT */
/* A dump is a text with all records of a session at one moment; dump.c defines the format. */
#pragma once
#include "base/options.h"
#include "base/text.h"

struct hp_dump_request {
	const struct hp_options *options;
	const char *reason;
	uint64_t number; /* of the dump in this run: 1, 2, ...; not the one in the file's name */
};

struct hp_dump_summary {
	/* As printed: raw samples. */
	uint64_t inuse_objects, inuse_bytes, alloc_objects, alloc_bytes;
	uint64_t program_bytes; /* allocated by the program, sampled or not */
	uint64_t n_dropped;     /* samples */
	uint64_t sample_interval;
};

/* Writes a whole dump to `t`. Returns false, with nothing written, if there is no memory for a copy
 * of the counts. Needs about 64 KiB of stack: call it on a scratch stack. Takes no lock while it
 * formats. */
bool hp_dump_print(struct hp_text *t, const struct hp_dump_request *request,
		   struct hp_dump_summary *out);

/* Returns true if a sampled dump is empty because no allocation was chosen. */
bool hp_dump_is_without_sample(const struct hp_dump_summary *sum);

/* Writes the note of such a dump, without an end of line: why it is empty, and what to set. */
void hp_dump_print_why_empty(struct hp_text *t, const struct hp_dump_summary *sum);
