/* SPDX-License-Identifier: MIT */
/* Writes rows for a database of many dumps, one a line, in three tables:
 *
 *	row = table { tab field } newline
 *	table = "dumps" | "samples" | "stacks"
 *	list = "[" [ quoted { "," quoted } ] "]"
 *
 * - dumps: day, time, service, version, region, host, run, dump, program, build ID, pid, r,
 *   uptime_ms, samples, dropped, allocated, rss, inuse_bytes, inuse_var, labels (a list of
 *   "KEY=VALUE")
 * - samples: day, time, service, version, region, host, run, dump, r, site, stack, size, n, bytes,
 *   alloc_n, alloc_bytes
 * - stacks: stack, site, frames (a list, the root first), places (a list of "FILE:LINE")
 *
 * Counts are those that were sampled, at the interval r; the estimates follow from them. Samples of
 * a dump that agree in stack and size are added up, whatever their labels. The fields up to `dump`
 * with stack and size are the key of a row, so a dump that is sent twice can be recognized. The
 * hash of a stack depends on the names and places of its functions alone, not on addresses, and is
 * the same on all machines. The site is the innermost function outside of the allocators. service,
 * version, region and host are labels (see commands/labels.h), "" if not given. A tab or another
 * byte that is not printable is replaced by '?'; '\' and ''' have a '\' before them.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "analysis/estimate.h"
#include "base/index.h"
#include "base/utf8.h"
#include "model/merged_metadata.h"
#include "model/pool_labels.h"
#include "transform/frames.h"
#include "writers/writers.h"

#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

struct counts {
	uint64_t n, bytes;
};

struct function {
	uint64_t hash;
	char *name, *place; /* escaped */
};

struct row {
	uint64_t stack; /* hash */
	uint64_t size;  /* mean, of the blocks */
	uint32_t site;  /* function in `frames`, or PROFILE_NONE */
	struct counts inuse, alloc;
};

struct rows {
	const struct profile *profile;
	struct output *output;
	struct frames frames; /* by line */
	frame_vec stack;
	VEC(struct function) functions; /* of `frames` */
	VEC(struct row) all;
	struct index index;
	VEC(uint64_t) written; /* the hash of each stack that was written */
	struct index written_index;
	struct sampling inuse, alloc;
	int64_t interval; /* 1: every allocation was recorded */
};

/* --- texts --------------------------------------------------------------------------------- */

/* Returns a text as a field has it, which the caller frees, or NULL if memory is out. */
static char *escape(const char *text)
{
	size_t left = strlen(text);
	char *escaped = malloc(2 * left + 1), *at = escaped;

	while (escaped && left) {
		size_t n = utf8_printable(text, left);

		if (*text == '\\' || *text == '\'')
			*at++ = '\\';
		memcpy(at, n ? text : "?", n ? n : 1);
		n = n ? n : 1;
		at += n;
		text += n;
		left -= n;
	}
	if (escaped)
		*at = '\0';
	return escaped;
}

static void write_text(struct output *output, const char *text)
{
	char *escaped = escape(text);

	if (escaped)
		output_text(output, escaped);
	else
		output_fail(output, -ENOMEM);
	free(escaped);
}

/* Writes an item of a list. */
static void write_quoted(struct output *output, const char *escaped, bool has_next)
{
	output_text(output, "'");
	output_text(output, escaped);
	output_text(output, has_next ? "'," : "'");
}

static const char *metadata(const struct profile *profile, const char *key)
{
	const char *value = profile_metadata(profile, key);

	return value ? value : "";
}

/* --- stable hashes ------------------------------------------------------------------------- */

/* FNV-1a, by Fowler, Noll and Vo */
static uint64_t hash_more(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * FNV_PRIME;
	return hash;
}

static int add_function(struct rows *rows, const char *name, const char *place)
{
	uint64_t hash = hash_more(FNV_BASIS, name, strlen(name) + 1);
	struct function function = {
		.hash = hash_more(hash, place, strlen(place) + 1),
		.name = escape(name),
		.place = escape(place),
	};

	if (function.name && function.place && !vec_push(&rows->functions, function))
		return 0;
	free(function.name);
	free(function.place);
	return -ENOMEM;
}

static int add_functions(struct rows *rows)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < rows->frames.functions.n; i++)
		r = add_function(rows, frames_name(&rows->frames, i),
				 frames_file(&rows->frames, i));
	return r;
}

static const struct function *function_at(const struct rows *rows, size_t frame)
{
	return &rows->functions.items[rows->stack.items[frame]];
}

static const char *site_name(const struct rows *rows, uint32_t site)
{
	return site == PROFILE_NONE ? PROFILE_NO_STACK : rows->functions.items[site].name;
}

/* Returns the hash of rows->stack. */
static uint64_t hash_stack(const struct rows *rows)
{
	uint64_t hash = FNV_BASIS, word;

	vec_foreach (function, &rows->stack) {
		word = htole64(rows->functions.items[*function].hash);
		hash = hash_more(hash, &word, sizeof(word));
	}
	return hash;
}

/* --- rows of samples ----------------------------------------------------------------------- */

static int find_row(struct rows *rows, uint64_t stack, uint64_t size, struct row **out)
{
	uint64_t hash = hash_mix(stack, size);
	struct index_walk walk = index_walk(&rows->index, hash);
	struct row row = {
		.stack = stack,
		.size = size,
		.site = rows->stack.n ? rows->stack.items[0] : PROFILE_NONE,
	};
	uint32_t number = (uint32_t)rows->all.n;

	while (index_next(&walk, &number)) {
		*out = &rows->all.items[number];
		if ((*out)->stack == stack && (*out)->size == size)
			return 0;
	}
	number = (uint32_t)rows->all.n;
	if (vec_push(&rows->all, row) || index_insert(&rows->index, hash, number))
		return -ENOMEM;
	*out = &rows->all.items[number];
	return 0;
}

static uint64_t whole(double value)
{
	return value > 0 && value < 0x1p63 ? (uint64_t)llround(value) : 0;
}

/* Returns the sampled counts of a sample. A profile that holds estimates gives them back. */
static struct counts count(const struct rows *rows, const struct sampling *sampling, size_t sample)
{
	const int64_t *values = profile_values(rows->profile, sample);
	int64_t n = sampling->objects >= 0 ? values[sampling->objects] : 0;
	int64_t bytes = values[sampling->bytes];
	double size, count;

	if (rows->interval <= 1 || rows->profile->kept_interval)
		return (struct counts){n > 0 ? (uint64_t)n : 0, bytes > 0 ? (uint64_t)bytes : 0};
	size = sampling_own_size(sampling, sample);
	count = round(sampling_count(sampling, (double)bytes, size));
	return (struct counts){whole(count), whole(count * size)};
}

static void add_counts(struct counts *sum, const struct counts *added)
{
	sum->n += added->n;
	sum->bytes += added->bytes;
}

static int write_stack(struct rows *rows, uint64_t hash)
{
	struct index_walk walk = index_walk(&rows->written_index, hash);
	struct output *output = rows->output;
	uint32_t number = (uint32_t)rows->written.n;

	while (index_next(&walk, &number))
		if (rows->written.items[number] == hash)
			return 0;
	if (index_insert(&rows->written_index, hash, (uint32_t)rows->written.n) ||
	    vec_push(&rows->written, hash))
		return -ENOMEM;
	output_printf(output, "stacks\t%" PRIu64 "\t%s\t[", hash,
		      site_name(rows, rows->stack.n ? rows->stack.items[0] : PROFILE_NONE));
	for (size_t i = rows->stack.n; i > 0; i--)
		write_quoted(output, function_at(rows, i - 1)->name, i > 1);
	output_text(output, "]\t[");
	for (size_t i = rows->stack.n; i > 0; i--)
		write_quoted(output, function_at(rows, i - 1)->place, i > 1);
	output_text(output, "]\n");
	return 0;
}

/* Adds a sample to its row, and writes its stack if it is new. */
static int add_sample(struct rows *rows, uint32_t sample)
{
	struct counts inuse = count(rows, &rows->inuse, sample);
	struct counts alloc = count(rows, &rows->alloc, sample);
	uint64_t hash;
	struct row *row = NULL;
	int r;

	if (!inuse.n && !inuse.bytes && !alloc.n && !alloc.bytes)
		return 0;
	r = frames_of_stack(&rows->frames, rows->profile->samples.items[sample].stack,
			    &rows->stack);
	if (r)
		return r;
	hash = hash_stack(rows);
	r = find_row(rows, hash, whole(sampling_size(&rows->inuse, sample)), &row);
	if (r)
		return r;
	add_counts(&row->inuse, &inuse);
	add_counts(&row->alloc, &alloc);
	return write_stack(rows, hash);
}

static void write_rows(struct rows *rows, const char *prefix)
{
	struct output *output = rows->output;

	vec_foreach (row, &rows->all) {
		output_text(output, "samples\t");
		output_text(output, prefix);
		output_printf(output,
			      "\t%" PRId64 "\t%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64
			      "\t%" PRIu64 "\t%" PRIu64 "\n",
			      rows->interval, site_name(rows, row->site), row->stack, row->size,
			      row->inuse.n, row->inuse.bytes, row->alloc.n, row->alloc.bytes);
	}
}

/* --- the row of the dump ------------------------------------------------------------------- */

/* Returns the estimate of all bytes in use, as the database computes it from the rows. */
static struct estimate total(const struct rows *rows)
{
	struct estimate sum = {0};

	vec_foreach (row, &rows->all) {
		double n = (double)row->inuse.n, bytes = (double)row->inuse.bytes, p;

		if (n <= 0 || bytes <= 0)
			continue;
		p = rows->interval > 1 ? -expm1(-bytes / n / (double)rows->interval) : 1;
		sum.value += bytes / p;
		sum.variance += (1 - p) / p / p * bytes * bytes / n;
	}
	return sum;
}

/* Returns whether libheapprof writes this key; others are labels. */
static bool is_of_dump(const char *comment)
{
	static const char *const keys[] = {
		"program",
		"cmdline",
		"pid",
		"run",
		"dump",
		"reason",
		"time",
		"uptime_ms",
		"sample_interval",
		"interval_mode",
		"interval_since",
		"samples",
		"samples_dropped",
		"stacks",
		"stacks_cut",
		"allocated_bytes",
		"rss_bytes",
		"anonymous_bytes",
		"reserved_bytes",
		"profiler_bytes",
		"service",
		"version",
		"region",
		"host",
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t size = strlen(keys[i]);

		if (strncmp(comment, keys[i], size) == 0 && strncmp(comment + size, ": ", 2) == 0)
			return true;
	}
	return false;
}

static void write_labels(const struct profile *profile, struct output *output)
{
	size_t n = 0;

	output_text(output, "\t[");
	vec_foreach (comment, &profile->comments) {
		const char *text = profile_string(profile, *comment), *end = strstr(text, ": ");

		if (!end || memchr(text, ' ', (size_t)(end - text)) || is_of_dump(text))
			continue;
		output_text(output, n++ ? ",'" : "'");
		output_printf(output, "%.*s=", (int)(end - text), text);
		write_text(output, end + 2);
		output_text(output, "'");
	}
	output_text(output, "]\n");
}

static void write_dump(const struct rows *rows, const char *prefix)
{
	static const char *const numbers[] = {"uptime_ms", "samples", "samples_dropped",
					      "allocated_bytes", "rss_bytes"};
	const struct profile *profile = rows->profile;
	struct output *output = rows->output;
	struct estimate sum = total(rows);
	const char *build_id = "";

	if (profile->mappings.n)
		build_id = profile_string(profile, profile->mappings.items[0].build_id);
	output_text(output, "dumps\t");
	output_text(output, prefix);
	output_text(output, "\t");
	write_text(output, metadata(profile, "program"));
	output_text(output, "\t");
	write_text(output, build_id);
	output_printf(output, "\t%" PRIu64 "\t%" PRId64, profile_metadata_number(profile, "pid"),
		      rows->interval);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		output_printf(output, "\t%" PRIu64, profile_metadata_number(profile, numbers[i]));
	output_printf(output, "\t%.12g\t%.12g", sum.value, sum.variance);
	write_labels(profile, output);
}

/* --- all of it ----------------------------------------------------------------------------- */

/* Returns the fields that all rows of a dump begin with, which the caller frees, or NULL if memory
 * is out. */
static char *make_prefix(const struct profile *profile)
{
	static const char *const labels[] = {"service", "version", "region", "host"};
	time_t seconds = (time_t)(profile->time_nanos / 1000000000);
	char *texts[4] = {NULL}, *prefix = NULL, time[64];
	bool has_all = true;
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(time, sizeof(time), "%Y-%m-%d\t%Y-%m-%d %H:%M:%S", &tm);
	for (size_t i = 0; i < 4; i++) {
		texts[i] = escape(metadata(profile, labels[i]));
		has_all &= texts[i] != NULL;
	}
	if (has_all &&
	    asprintf(&prefix, "%s\t%s\t%s\t%s\t%s\t%llu\t%" PRIu64, time, texts[0], texts[1],
		     texts[2], texts[3], strtoull(metadata(profile, "run"), NULL, 16),
		     profile_metadata_number(profile, "dump")) < 0)
		prefix = NULL;
	for (size_t i = 0; i < 4; i++)
		free(texts[i]);
	return prefix;
}

static int write_all(struct rows *rows)
{
	const struct frames_view view = {.by = FRAMES_BY_LINE};
	char *prefix = make_prefix(rows->profile);
	int r = prefix ? frames_init_view(&rows->frames, rows->profile, &view) : -ENOMEM;

	if (!r)
		r = add_functions(rows);
	for (uint32_t i = 0; !r && i < rows->profile->samples.n; i++)
		r = add_sample(rows, i);
	if (!r) {
		write_rows(rows, prefix);
		write_dump(rows, prefix);
	}
	free(prefix);
	return r;
}

/* Returns the index of the sample type of malloc's blocks, whether there are pools or not, or
 * -1. */
static int find_type(const struct profile *profile, const char *type)
{
	int value = profile_find_sample_type(profile, type);
	int of_malloc = value >= 0 ? pool_malloc_sibling(profile, (size_t)value) : -1;

	return of_malloc >= 0 ? of_malloc : value;
}

static int write_profile(const struct profile *profile, size_t value, struct output *output)
{
	struct rows rows = {.profile = profile, .output = output};
	int r;

	(void)value;
	sampling_init(&rows.inuse, profile, (size_t)find_type(profile, "inuse_space"));
	sampling_init(&rows.alloc, profile, (size_t)find_type(profile, "alloc_space"));
	rows.interval =
		profile->kept_interval ? profile->kept_interval : profile_bytes_period(profile);
	rows.interval = rows.interval > 1 ? rows.interval : 1;
	r = write_all(&rows);
	frames_deinit(&rows.frames);
	vec_deinit(&rows.stack);
	vec_foreach (function, &rows.functions) {
		free(function->name);
		free(function->place);
	}
	vec_deinit(&rows.functions);
	vec_deinit(&rows.all);
	index_deinit(&rows.index);
	vec_deinit(&rows.written);
	index_deinit(&rows.written_index);
	return r;
}

static bool is_hexadecimal(const char *text)
{
	size_t size = strspn(text, "0123456789abcdef");

	return size && size <= 16 && !text[size];
}

static int check_profile(const struct profile *profile, struct diag *diag)
{
	uint64_t n_runs = merged_metadata_runs(profile);

	if (n_runs > 1)
		return diag_error(diag, -EINVAL,
				  "of %" PRIu64 " runs; rows are of one dump, so give the dumps",
				  n_runs);
	if (!is_hexadecimal(metadata(profile, "run")) || !profile->time_nanos)
		return diag_error(diag, -EINVAL,
				  "no run and time, by which rows of a dump sent twice are "
				  "recognized; give a dump of libheapprof");
	if (find_type(profile, "inuse_space") < 0 || find_type(profile, "alloc_space") < 0)
		return diag_error(diag, -EINVAL,
				  "no values of the types inuse_space and "
				  "alloc_space");
	return 0;
}

const struct writer writer_rows = {
	.name = "rows",
	.summary = "rows for a database of many dumps, by tabs, for scripts/fleet",
	.suffix = ".rows",
	.takes_samples = true,
	.check = check_profile,
	.write = write_profile,
};
