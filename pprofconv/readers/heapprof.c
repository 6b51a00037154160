/* SPDX-License-Identifier: MIT */
/* Reads the dumps of libheapprof. Their grammar is that of gperftools' dumps, with metadata, build
 * IDs and a mark at the end in comments, which other readers skip. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "readers/heap_dump.h"
#include "readers/levels.h"
#include "readers/readers.h"

#define VERSION        2
#define VERSION_LEVELS 2 /* the first with levels */
#define VERSION_POOLS  2 /* the first with pools */

struct build_id {
	uint32_t file;
	uint32_t build_id;
	uint32_t n_above; /* mappings in the lines above this one */
};

typedef VEC(struct build_id) build_id_vec;

struct heapprof_dump {
	struct heap_dump dump; /* the first member: callbacks get its address */
	build_id_vec build_ids;
	int64_t version;
	struct levels levels;
};

/* --- metadata ------------------------------------------------------------------------------ */

/* number = exactly `n_digits` digits */
static int take_digits(struct cursor *text, int n_digits)
{
	int value = 0;

	for (int i = 0; i < n_digits; i++) {
		int c = cursor_peek(text);

		if (c < '0' || c > '9') {
			text->failed = true;
			return 0;
		}
		value = value * 10 + c - '0';
		text->at++;
	}
	return value;
}

/* fraction = [ "." digits ], in nanoseconds; digits after the ninth are ignored */
static int64_t take_fraction(struct cursor *text)
{
	int64_t nanos = 0, unit = 100000000;

	if (!cursor_accept(text, '.'))
		return 0;
	for (int c = cursor_peek(text); c >= '0' && c <= '9'; c = cursor_peek(text)) {
		nanos += unit * (c - '0');
		unit /= 10;
		text->at++;
	}
	return nanos;
}

/* time = YYYY "-" MM "-" DD "T" hh ":" mm ":" ss fraction "Z". Returns nanoseconds since the epoch,
 * or 0 if the time is invalid or out of range. */
static int64_t parse_time(struct cursor text)
{
	struct tm tm = {0};
	int64_t seconds, nanos;

	tm.tm_year = take_digits(&text, 4) - 1900;
	cursor_expect(&text, '-');
	tm.tm_mon = take_digits(&text, 2) - 1;
	cursor_expect(&text, '-');
	tm.tm_mday = take_digits(&text, 2);
	cursor_expect(&text, 'T');
	tm.tm_hour = take_digits(&text, 2);
	cursor_expect(&text, ':');
	tm.tm_min = take_digits(&text, 2);
	cursor_expect(&text, ':');
	tm.tm_sec = take_digits(&text, 2);
	nanos = take_fraction(&text);
	cursor_expect(&text, 'Z');
	if (text.failed || !cursor_at_end(&text))
		return 0;
	seconds = timegm(&tm);
	if (__builtin_mul_overflow(seconds, INT64_C(1000000000), &seconds) ||
	    __builtin_add_overflow(seconds, nanos, &seconds))
		return 0;
	return seconds;
}

static int read_version(struct heapprof_dump *own, struct cursor value)
{
	uint64_t version = cursor_take_decimal(&value);
	struct heap_dump *dump = &own->dump;

	if (value.failed || !cursor_at_end(&value) || version == 0)
		return heap_dump_corrupt(dump, "expected the format's version, a number");
	if (version > VERSION)
		return diag_error_line(
			dump->diag, READER_E_UNSUPPORTED, input_line_number(dump->input),
			"dump version %ju is not supported; the latest supported is %d",
			(uintmax_t)version, VERSION);
	own->version = (int64_t)version;
	return 0;
}

/* metadata = key ":" " " value; interval-mode = "interval_mode: auto" */
static int read_metadata(struct heapprof_dump *own, struct cursor text)
{
	struct cursor value = text;

	if (cursor_accept_text(&value, "time: "))
		own->dump.profile->time_nanos = parse_time(value);
	profile_add_comment(own->dump.profile, text.at, cursor_left(&text));
	return cursor_equals(&text, "interval_mode: auto") ? levels_begin(&own->levels) : 0;
}

static int read_pools(struct heap_dump *dump, struct cursor text)
{
	const char *wrong = heap_pools_add(&dump->pools, &dump->builder, text);

	return wrong ? heap_dump_corrupt(dump, wrong) : 0;
}

static int read_level(struct heapprof_dump *own, struct cursor number)
{
	if (own->version < VERSION_LEVELS)
		return heap_dump_corrupt(
			&own->dump, "a level in a dump of version 1; only version 2 has levels");
	return levels_read(&own->levels, number);
}

/* comment = "#" ( version | level | "pools: " pool | "object: " record | "pool: " id | "block: " id
 * | metadata ); those of pools are not in version 1 */
static int read_comment(struct heap_dump *dump, struct cursor text)
{
	struct heapprof_dump *own = (struct heapprof_dump *)dump;
	struct cursor value = text;

	if (cursor_accept_text(&value, "heapprof: "))
		return read_version(own, value);
	if (cursor_accept_text(&value, "level: "))
		return read_level(own, value);
	if (own->version >= VERSION_POOLS) {
		if (cursor_accept_text(&value, "pools: "))
			return read_pools(dump, value);
		if (cursor_accept_text(&value, "object: "))
			return heap_dump_read_object(dump, value);
		if (cursor_accept_text(&value, "pool: "))
			return heap_dump_read_pool(dump, value, false);
		if (cursor_accept_text(&value, "block: "))
			return heap_dump_read_pool(dump, value, true);
	}
	return read_metadata(own, text);
}

/* --- the memory map ------------------------------------------------------------------------ */

static int compare_build_ids(const void *left, const void *right)
{
	const struct build_id *a = left, *b = right;

	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	return a->n_above < b->n_above ? -1 : a->n_above > b->n_above;
}

/* Returns the build ID of a mapping, or NULL if there is none. It is the first build ID of the same
 * file in the lines after the mapping's line. The file of a library that was replaced and loaded
 * again has several build IDs. */
static const struct build_id *find_build_id(const build_id_vec *build_ids, uint32_t file,
					    uint32_t mapping)
{
	size_t low = 0, high = build_ids->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct build_id *at = &build_ids->items[middle];

		if (at->file < file || (at->file == file && at->n_above <= mapping))
			low = middle + 1;
		else
			high = middle;
	}
	if (low == build_ids->n || build_ids->items[low].file != file)
		return NULL;
	return &build_ids->items[low];
}

static void assign_build_ids(struct profile *profile, build_id_vec *build_ids)
{
	if (!build_ids->n)
		return;
	qsort(build_ids->items, build_ids->n, sizeof(*build_ids->items), compare_build_ids);
	for (uint32_t i = 0; i < profile->mappings.n; i++) {
		struct profile_mapping *mapping = &profile->mappings.items[i];
		const struct build_id *found = find_build_id(build_ids, mapping->file, i);

		if (found)
			mapping->build_id = found->build_id;
	}
}

/* build-id = "buildid:" hexadecimal path */
static void read_build_id_line(struct heap_dump *dump, struct cursor text, build_id_vec *build_ids)
{
	struct cursor word;

	cursor_skip_spaces(&text);
	word = cursor_take_word(&text);
	cursor_skip_spaces(&text);
	for (const char *digit = word.at; digit < word.end; digit++)
		if (cursor_hex_digit((unsigned char)*digit) < 0)
			return;
	if (vec_push(build_ids, (struct build_id){
					.file = profile_intern_bytes(dump->profile, text.at,
								     cursor_left(&text)),
					.build_id = profile_intern_bytes(dump->profile, word.at,
									 cursor_left(&word)),
					.n_above = (uint32_t)dump->profile->mappings.n,
				}) < 0)
		profile_fail(dump->profile, -ENOMEM);
}

/* map = { maps-line | "#" build-id } "# end" */
static int read_marked_map(struct heap_dump *dump, build_id_vec *build_ids)
{
	struct cursor line;
	bool has_ended = false;

	while (input_next_line(dump->input, &line)) {
		if (has_ended)
			return heap_dump_corrupt(dump, "unexpected text after the end of the dump");
		if (input_line_is_cut(dump->input))
			return heap_dump_corrupt(dump, NULL);
		cursor_trim_end(&line);
		if (cursor_accept_text(&line, "# buildid:"))
			read_build_id_line(dump, line, build_ids);
		else if (cursor_equals(&line, "# end"))
			has_ended = true;
		else
			memory_map_add_line(&dump->map, line);
	}
	if (!has_ended && !input_status(dump->input))
		return heap_dump_corrupt(dump, "truncated: the last line is not '# end'");
	return input_status(dump->input);
}

/* --- the whole dump ------------------------------------------------------------------------ */

static int read_heapprof_dump(struct heapprof_dump *own)
{
	struct heap_dump *dump = &own->dump;
	build_id_vec *build_ids = &own->build_ids;
	bool has_map = false;
	int r = heap_dump_read_header(dump);

	if (!r)
		r = heap_dump_read_records(dump, NULL, read_comment, &has_map);
	if (!r)
		r = read_marked_map(dump, build_ids);
	if (!r)
		r = heap_dump_check_sums(dump);
	if (r)
		return r;
	dump->profile->tool = "libheapprof";
	assign_build_ids(dump->profile, build_ids);
	profile_settle_mappings(dump->profile, profile_metadata(dump->profile, "program"));
	return 0;
}

static int read_heapprof(struct profile *profile, struct input *input, struct diag *diag)
{
	struct heapprof_dump own = {.levels.dump = &own.dump};
	int r;

	heap_dump_init(&own.dump, profile, input, diag);
	r = read_heapprof_dump(&own);
	heap_dump_deinit(&own.dump);
	vec_deinit(&own.build_ids);
	return r;
}

/* Accepts a head whose second line has the mark of our dumps. */
static enum probe probe_heapprof(struct cursor head)
{
	static const char mark[] = "\n# heapprof: ";
	struct cursor line, found = head;

	if (!heap_text_probe(head))
		return PROBE_NO;
	if (cursor_find(&found, mark))
		return PROBE_YES;
	if (!heap_text_next_line(&head, &line) || cursor_left(&head) < strlen(mark))
		return PROBE_UNSURE;
	return PROBE_NO;
}

const struct reader reader_heapprof = {
	.name = "heapprof",
	.summary = "the dumps of libheapprof, exact and sampled",
	.group = READER_PROFILERS,
	.made_by = "heapprof run PROGRAM",
	.probe = probe_heapprof,
	.read = read_heapprof,
};
