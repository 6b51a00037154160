/* SPDX-License-Identifier: MIT */
/* A dump is a text with all records of a session at one moment; dump_text.c defines the format. Its
 * contents come from the library's own tables, or from a tool that reads another process. These
 * functions take no lock, allocate nothing, and call only string functions of the C library. */
#pragma once
#include "base/text.h"
#include "process/maps.h"
#include "process/modules.h"
#include "process/process.h"
#include "tables/stacks_copy.h"
#include <time.h>

typedef bool hp_dump_visit(const struct hp_maps_entry *entry, void *context);

/* The name of a pool: see pool_names.h. */
struct hp_dump_pool {
	const char *kind; /* a word */
	const char *path; /* may hold any bytes */
	size_t path_size;
};

/* Supplies libraries, mappings and names of pools. */
struct hp_dump_source {
	/* Calls `visit` for each mapping in order of addresses until it returns false. Returns
	 * false if they can't be read to their end. */
	bool (*visit_maps)(const struct hp_dump_source *source, hp_dump_visit *visit,
			   void *context);
	const struct hp_module *(*get_permanent)(const struct hp_dump_source *source, size_t i);
	/* Numbers begin with 1. Returns NULL if there is no such number. Libraries may be added
	 * while the dump is printed. */
	const struct hp_module *(*get_numbered)(const struct hp_dump_source *source, size_t number);
	size_t (*count_numbered)(const struct hp_dump_source *source);
	/* Returns false if there is no name of a pool with this number. */
	bool (*get_pool)(const struct hp_dump_source *source, uint32_t number,
			 struct hp_dump_pool *out);
};

struct hp_dump_content {
	const char *program;
	const char *cmdline; /* arguments separated by NULs; NULL: not shown */
	size_t cmdline_size;
	const char *reason;
	uint64_t pid, run_id;
	uint64_t number; /* of the dump in this run: 1, 2, ...; not the one in the file's name */
	struct timespec time;
	uint64_t uptime_ms;
	uint64_t sample_interval;
	bool is_auto;              /* the sample interval is automatic */
	int64_t interval_since_ms; /* the uptime at which an automatic interval came to its present
				      value; -1: not known */
	uint32_t level; /* of `sample_interval`; records of lower levels are not printed. 0 if it is
			   not automatic */
	uint64_t n_samples, n_dropped, n_stacks, n_stacks_cut;
	uint64_t n_missing; /* records that could not be read; they count as dropped */
	uint64_t allocated_bytes;
	bool has_mappings; /* mappings are recorded */
	uint64_t reserved_bytes;
	bool has_memory; /* `memory` is printed; a core has no such numbers */
	struct hp_process_memory memory;
	uint64_t profiler_bytes;
	const char *note; /* or NULL */

	const struct hp_stacks_copy_entry *entries;
	size_t n_entries, n_permanent;
	const struct hp_dump_source *source;
};

struct hp_dump_summary {
	uint64_t inuse_objects, inuse_bytes, alloc_objects,
		alloc_bytes;     /* as printed: raw samples */
	uint64_t program_bytes;  /* allocated by the program, sampled or not */
	uint64_t n_dropped;      /* samples */
	uint64_t n_pool_objects; /* allocated objects of pools, which the counts above leave out */
	uint64_t sample_interval;
};

/* Replaces frames by the addresses at which the dump shows them. */
void hp_dump_text_addresses(const struct hp_dump_content *content, uint64_t *frames, size_t n);

/* Writes a whole dump to `t`. */
void hp_dump_text_print(struct hp_text *t, const struct hp_dump_content *content,
			struct hp_dump_summary *out);

/* Returns true if a sampled dump is empty because no allocation was chosen. */
bool hp_dump_is_without_sample(const struct hp_dump_summary *sum);

/* Writes the note of such a dump, without an end of line: why it is empty, and what to set. */
void hp_dump_print_why_empty(struct hp_text *t, const struct hp_dump_summary *sum);
