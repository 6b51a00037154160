/* SPDX-License-Identifier: MIT */
/* Reads the dumps of gperftools: the exact dumps of its heap profiler (`@ heapprofile`) and the
 * sampled dumps of tcmalloc (`@ heap_v2/PERIOD`), also under their older names. The dumps have no
 * mark at their end. */
#include "readers/heap_dump.h"
#include "readers/readers.h"

static int read_unmarked_map(struct heap_dump *dump)
{
	struct cursor line;

	while (input_next_line(dump->input, &line)) {
		if (input_line_is_cut(dump->input))
			return heap_dump_corrupt(dump, NULL);
		memory_map_add_line(&dump->map, line);
	}
	return input_status(dump->input);
}

/* gperftools up to 2.15 leaves out, silently, the records that do not fit into 1 MiB, but never the
 * memory map. If records and the memory map are missing, the file was truncated later. */
static int check_whole(struct heap_dump *dump, bool has_map)
{
	int64_t found = dump->sums.inuse_bytes, total = dump->header.totals.inuse_bytes;

	if (found < total && !has_map)
		return heap_dump_corrupt(dump, "truncated: records and the memory map are missing");
	/* The total leaves out mappings; odd records, which are of mappings, may lower `found`. */
	if (found < total && !dump->n_odd)
		diag_warn(dump->diag,
			  "the records hold %jd of the %jd bytes in use; "
			  "the program that wrote the dump left some out",
			  (intmax_t)found, (intmax_t)total);
	if (dump->any_inuse && dump->n_odd)
		diag_warn(
			dump->diag,
			"%ju record%s with negative counts in use, or bytes without objects: with "
			"HEAP_PROFILE_MMAP gperftools counts a mapping that is unmapped in parts "
			"as gone once for each part, and misses some parts; there object counts "
			"mean nothing, and bytes may be too many",
			(uintmax_t)dump->n_odd, dump->n_odd == 1 ? "" : "s");
	if (dump->builder.interval == 0 && dump->sums.alloc_objects)
		diag_warn(dump->diag, "sampled, but the dump gives no interval; "
				      "counts stay as they are, far too low");
	if (!has_map)
		diag_warn(dump->diag,
			  "no MAPPED_LIBRARIES; only addresses of a --binary that is not "
			  "position-independent get names");
	return 0;
}

static int read_gperftools_dump(struct heap_dump *dump)
{
	bool has_map = false;
	int r = heap_dump_read_header(dump);

	if (!r)
		r = heap_dump_read_records(dump, NULL, NULL, &has_map);
	if (!r)
		r = read_unmarked_map(dump);
	if (!r)
		r = check_whole(dump, has_map);
	if (r)
		return r;
	if (dump->is_kind_heap && !has_map) { /* a dump of Go whose comments with names are gone */
		heap_builder_drop_go(&dump->builder);
		dump->profile->tool = READER_TOOL_GO;
	}
	profile_settle_mappings(dump->profile, NULL);
	return 0;
}

static int read_gperftools(struct profile *profile, struct input *input, struct diag *diag)
{
	struct heap_dump dump;
	int r;

	heap_dump_init(&dump, profile, input, diag);
	dump.any_inuse = true;
	r = read_gperftools_dump(&dump);
	heap_dump_deinit(&dump);
	return r;
}

static enum probe probe_gperftools(struct cursor head)
{
	return heap_text_probe(head) ? PROBE_YES : PROBE_NO;
}

const struct reader reader_gperftools = {
	.name = "gperftools",
	.summary = "text dumps of gperftools and tcmalloc: exact, sampled, growth, fragmentation",
	.group = READER_PROFILERS,
	.made_by = "HEAPPROFILE=FILE PROGRAM, linked with tcmalloc",
	.probe = probe_gperftools,
	.read = read_gperftools,
};
