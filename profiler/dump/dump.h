/* SPDX-License-Identifier: MIT */
/* The text of a dump; its format stands in dump.c. */
#pragma once
#include "base/options.h"
#include "base/text.h"

struct hp_dump_request {
	const struct hp_options *options;
	const char *reason;
	uint64_t number; /* which dump of this run: 1, 2, ...; not that in the file's name */
};

struct hp_dump_summary {
	uint64_t inuse_objects, inuse_bytes, alloc_objects,
		alloc_bytes;    /* as printed: raw samples */
	uint64_t program_bytes; /* allocated by the program, sampled or not */
	uint64_t n_dropped;     /* samples */
	uint64_t sample_interval;
};

/* Writes a whole dump to `t`. False, and nothing written, if there is no memory for a copy of the
 * counts. Needs some 64 KiB of stack: call it on a scratch stack. Takes no lock while it formats.
 */
bool hp_dump_print(struct hp_text *t, const struct hp_dump_request *request,
		   struct hp_dump_summary *out);

/* Whether a sampled dump is empty because no allocation was chosen. */
bool hp_dump_is_without_sample(const struct hp_dump_summary *sum);

/* Writes what to know of such a dump, and what to set, without an end of line: its note. */
void hp_dump_print_why_empty(struct hp_text *t, const struct hp_dump_summary *sum);
