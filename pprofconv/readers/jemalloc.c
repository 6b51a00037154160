/* SPDX-License-Identifier: MIT */
/* Reads jemalloc's dumps. After each stack they have a line `t*` with the counts of all threads
 * together, and a line with the counts of each thread. Each line is scaled to estimates by its own
 * mean size. jemalloc 5.3 prints counts that make these estimates right; older versions print the
 * sampled counts, for which the estimates are right only if all objects of a line have one size. */
#include <errno.h>

#include "base/number_map.h"
#include "readers/heap_builder.h"
#include "readers/heap_text.h"
#include "readers/memory_map.h"
#include "readers/readers.h"

#define TITLE "heap_v2/"

struct jemalloc {
	struct profile *profile;
	struct input *input;
	struct diag *diag;
	struct heap_builder builder;
	struct memory_map map;
	struct number_map threads; /* from a thread's number to the string of its label */
	uint32_t thread_key;
	bool in_stack; /* the first stack has been read */
	bool has_all;  /* the current stack's `t*` line has been read */
	struct heap_counts all;
	bool has_threads; /* a thread's line of the current stack has been read */
};

static int corrupt_dump(struct jemalloc *dump, const char *what)
{
	if (input_line_is_cut(dump->input))
		what = "truncated: the last line has no newline";
	return diag_error_line(dump->diag, READER_E_CORRUPT, input_line_number(dump->input), "%s",
			       what);
}

/* header = "heap_v2/" interval */
static int read_header(struct jemalloc *dump)
{
	struct cursor line;
	int64_t interval;

	if (!input_next_line(dump->input, &line))
		return input_status(dump->input);
	cursor_trim_end(&line);
	if (!cursor_accept_text(&line, TITLE))
		return corrupt_dump(dump, "expected '" TITLE "'");
	interval = cursor_take_signed(&line);
	if (line.failed || interval < 1 || !cursor_at_end(&line) || input_line_is_cut(dump->input))
		return corrupt_dump(dump, "expected a sampling interval, a number below 2^63");
	heap_builder_init(&dump->builder, dump->profile, interval);
	dump->thread_key = profile_intern(dump->profile, "thread");
	return 0;
}

/* --- threads ------------------------------------------------------------------------------- */

/* Returns the label of a thread, a string: the thread's number and, if the thread has a name, its
 * name. */
static uint32_t make_label(struct jemalloc *dump, uint64_t id, struct cursor name)
{
	uint32_t label = 0;
	char *text;

	cursor_skip_spaces(&name);
	cursor_trim_end(&name);
	if (asprintf(&text, "t%ju%s%.*s", (uintmax_t)id, cursor_at_end(&name) ? "" : " ",
		     (int)cursor_left(&name), name.at) < 0) {
		profile_fail(dump->profile, -ENOMEM);
		return 0;
	}
	label = profile_intern(dump->profile, text);
	free(text);
	return label;
}

/* Returns the label of a thread. It is made from the thread's first line, because only the lines
 * before the first stack have names. */
static uint32_t thread_label(struct jemalloc *dump, uint64_t id, struct cursor name)
{
	uint32_t label = number_map_find(&dump->threads, id);

	if (label != NUMBER_MAP_NONE)
		return label;
	label = make_label(dump, id, name);
	if (number_map_insert(&dump->threads, id, label) < 0)
		profile_fail(dump->profile, -ENOMEM);
	return label;
}

/* --- records ------------------------------------------------------------------------------- */

/* Ends the current stack. Its `t*` line, the total of all threads, is added only if no thread has a
 * line of its own. */
static int finish_stack(struct jemalloc *dump)
{
	if (dump->in_stack && !dump->has_all)
		return corrupt_dump(dump, "expected a line 't*: ...' before this one");
	if (dump->in_stack && !dump->has_threads)
		heap_builder_add(&dump->builder, &dump->all, NULL);
	dump->has_all = dump->has_threads = false;
	return 0;
}

/* stack = "@" { address } */
static int read_jemalloc_stack(struct jemalloc *dump, struct cursor line)
{
	uint64_t address;
	int r = finish_stack(dump);

	if (r)
		return r;
	dump->in_stack = true;
	while (heap_text_address(&line, &address))
		heap_builder_push(&dump->builder, address);
	if (line.failed)
		return corrupt_dump(dump, "expected addresses below 2^64, as in '0x55d0c0de'");
	heap_builder_take_stack(&dump->builder);
	return 0;
}

/* thread = "t" number ":" pair "[" pair "]" [ name ] */
static int read_thread(struct jemalloc *dump, struct cursor line)
{
	uint64_t id = cursor_take_decimal(&line);
	struct heap_counts counts;
	const char *wrong = NULL;
	struct profile_label label;

	cursor_expect(&line, ':');
	if (line.failed)
		return corrupt_dump(dump, "expected a thread, as in 't3:'");
	wrong = heap_text_pairs(&line, &counts);
	if (wrong)
		return corrupt_dump(dump, wrong);
	label = (struct profile_label){
		.key = dump->thread_key,
		.text = thread_label(dump, id, line),
	};
	if (!dump->in_stack)
		return 0;
	dump->has_threads = true;
	heap_builder_add(&dump->builder, &counts, &label);
	return 0;
}

/* all = "t*:" pair "[" pair "]" */
static int read_total(struct jemalloc *dump, struct cursor line)
{
	const char *wrong = heap_text_pairs(&line, &dump->all);

	if (!wrong && dump->has_all)
		wrong = "a second line 't*: ...' for one stack";
	if (!wrong && dump->has_threads)
		wrong = "the line 't*: ...' must come before the lines of threads";
	dump->has_all = dump->in_stack;
	return wrong ? corrupt_dump(dump, wrong) : 0;
}

static int read_jemalloc_line(struct jemalloc *dump, struct cursor line)
{
	if (heap_text_is_comment(line))
		return 0;
	cursor_skip_spaces(&line);
	if (cursor_accept(&line, '@'))
		return read_jemalloc_stack(dump, line);
	if (cursor_accept_text(&line, "t*:"))
		return read_total(dump, line);
	if (cursor_accept(&line, 't'))
		return read_thread(dump, line);
	return corrupt_dump(dump, "expected '@', 't*:' or a thread, as in 't3:'");
}

/* --- the whole dump ------------------------------------------------------------------------ */

/* records = { all | thread } { stack { all | thread } } map-title */
static int read_records(struct jemalloc *dump)
{
	struct cursor line;
	int r = 0;

	while (!r && input_next_line(dump->input, &line)) {
		if (input_line_is_cut(dump->input))
			return corrupt_dump(dump, NULL);
		if (heap_text_is_map_title(line))
			return finish_stack(dump);
		r = read_jemalloc_line(dump, line);
	}
	if (!r)
		r = input_status(dump->input);
	return r ? r : corrupt_dump(dump, "truncated: no MAPPED_LIBRARIES");
}

static int read_jemalloc_map(struct jemalloc *dump)
{
	struct cursor line;

	while (input_next_line(dump->input, &line)) {
		if (input_line_is_cut(dump->input))
			return corrupt_dump(dump, NULL);
		memory_map_add_line(&dump->map, line);
	}
	return input_status(dump->input);
}

static int read_jemalloc_dump(struct jemalloc *dump)
{
	int r = read_header(dump);

	if (!r)
		r = read_records(dump);
	if (!r)
		r = read_jemalloc_map(dump);
	dump->profile->tool = "jemalloc";
	if (!r)
		profile_settle_mappings(dump->profile, NULL);
	return r;
}

static int read_jemalloc(struct profile *profile, struct input *input, struct diag *diag)
{
	struct jemalloc dump = {
		.profile = profile,
		.input = input,
		.diag = diag,
		.map = {.profile = profile, .input = input, .diag = diag},
	};
	int r = read_jemalloc_dump(&dump);

	heap_builder_deinit(&dump.builder);
	memory_map_deinit(&dump.map);
	number_map_deinit(&dump.threads);
	return r;
}

static enum probe probe_jemalloc(struct cursor head)
{
	return cursor_starts_with(&head, TITLE) ? PROBE_YES : PROBE_NO;
}

const struct reader reader_jemalloc = {
	.name = "jemalloc",
	.summary = "jemalloc's dumps, with each thread's share as a label",
	.group = READER_PROFILERS,
	.made_by = "MALLOC_CONF=prof:true,prof_final:true PROGRAM",
	.probe = probe_jemalloc,
	.read = read_jemalloc,
};
