/* SPDX-License-Identifier: MIT */
/* The text of a dump, made of what somebody has gathered: the dumper from its own tables, or a tool
 * from the memory of another process. dump_text.c defines the format. Takes no lock, allocates
 * nothing, calls the C library for strings only. */
#pragma once
#include "base/text.h"
#include "process/maps.h"
#include "process/modules.h"
#include "process/process.h"
#include "tables/stacks_copy.h"
#include <time.h>

typedef bool hp_dump_visit(const struct hp_maps_entry *entry, void *context);

/* Where libraries and mappings come from. */
struct hp_dump_source {
	/* Calls `visit` for each mapping in order of addresses until it returns false; false if
	 * they can't be read to their end. */
	bool (*visit_maps)(const struct hp_dump_source *source, hp_dump_visit *visit,
			   void *context);
	const struct hp_module *(*get_permanent)(const struct hp_dump_source *source, size_t i);
	/* Numbers begin with 1; NULL if there is no such number. More may come while it is printed.
	 */
	const struct hp_module *(*get_numbered)(const struct hp_dump_source *source, size_t number);
	size_t (*count_numbered)(const struct hp_dump_source *source);
};

struct hp_dump_content {
	const char *program;
	const char *cmdline; /* arguments separated by NULs; NULL: not to be shown */
	size_t cmdline_size;
	const char *reason;
	uint64_t pid, run_id;
	uint64_t number; /* which dump of this run: 1, 2, ...; not that in the file's name */
	struct timespec time;
	uint64_t uptime_ms;
	uint64_t sample_interval;
	uint64_t n_samples, n_dropped, n_stacks, n_stacks_cut;
	uint64_t n_missing; /* records that could not be read; they count as dropped */
	uint64_t allocated_bytes;
	bool has_mappings; /* they are recorded */
	uint64_t reserved_bytes;
	bool has_memory; /* the two numbers are known, or unknown to the process itself */
	struct hp_process_memory memory;
	uint64_t profiler_bytes;
	const char *note; /* or NULL */

	const struct hp_stacks_copy_entry *entries;
	size_t n_entries, n_permanent;
	const struct hp_dump_source *source;
};

struct hp_dump_summary {
	uint64_t inuse_objects, inuse_bytes, alloc_objects,
		alloc_bytes;    /* as printed: raw samples */
	uint64_t program_bytes; /* allocated by the program, sampled or not */
	uint64_t n_dropped;     /* samples */
	uint64_t sample_interval;
};

/* Writes a whole dump to `t`. */
void hp_dump_text_print(struct hp_text *t, const struct hp_dump_content *content,
			struct hp_dump_summary *out);

/* Whether a sampled dump is empty because no allocation was chosen. */
bool hp_dump_is_without_sample(const struct hp_dump_summary *sum);

/* Writes what to know of such a dump, and what to set, without an end of line: its note. */
void hp_dump_print_why_empty(struct hp_text *t, const struct hp_dump_summary *sum);
