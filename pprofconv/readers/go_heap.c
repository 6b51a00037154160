/* SPDX-License-Identifier: MIT */
/* Reads Go's heap profile as text (debug=1): records like those of early tcmalloc, each followed by
 * the names of its frames in comments, which other readers skip. The comments leave out functions
 * of the runtime that allocate. */
#include <errno.h>

#include "readers/heap_builder.h"
#include "readers/heap_dump.h"
#include "readers/readers.h"

/* HIDDEN is our name for the frames at the leaf that Go does not name; the expression that
 * heap_builder_drop_go() sets drops these frames. ROOT is the name of an unnamed frame at the
 * root. */
#define HIDDEN "runtime.(not shown)"
#define ROOT   "runtime.goexit"

struct go_heap {
	struct heap_dump dump; /* first, so that a pointer to it can be cast to this struct */
	size_t n_passed;       /* frames of the record whose lines have been read */
	uint64_t address;      /* of the current lines */
	VEC(struct profile_line) lines;
};

/* Finds the record's next frames, one after the other, that are at the location, moves n_passed
 * after them, and returns their number, which is more than 1 if a function calls itself. Returns 1
 * if there are no such frames, as before the first record. */
static size_t pass_frames(struct go_heap *go, uint32_t location)
{
	const struct profile *profile = go->dump.profile;
	size_t n = 0, first;
	const uint32_t *frames =
		profile->stacks.n ? profile_stack(profile, go->dump.builder.stack, &n) : NULL;

	while (go->n_passed < n && frames[go->n_passed] != location)
		go->n_passed++;
	first = go->n_passed;
	while (go->n_passed < n && frames[go->n_passed] == location)
		go->n_passed++;
	return go->n_passed > first ? go->n_passed - first : 1;
}

/* Gives the lines of one address to the location at this address, unless the location has lines
 * already. If successive frames have the same address, its lines come once for each frame. The
 * lines of the last of these frames are used, because those of the first may lack functions that Go
 * leaves out at the leaf. */
static void finish_lines(struct go_heap *go)
{
	struct profile *profile = go->dump.profile;
	size_t n_frames, n_lines;
	uint32_t location;

	if (!go->lines.n)
		return;
	location = profile_location_at(profile, go->address);
	if (profile_status(profile))
		return;
	n_frames = pass_frames(go, location);
	n_lines = (go->lines.n + n_frames - 1) / n_frames;
	if (n_lines > LOCATION_LINES_MAX)
		n_lines = LOCATION_LINES_MAX;
	if (!profile->locations.items[location].n_lines)
		profile_set_lines(profile, location, go->lines.items + go->lines.n - n_lines,
				  n_lines);
	go->lines.n = 0;
}

static void begin_record(struct heap_dump *dump)
{
	struct go_heap *go = (struct go_heap *)dump;

	finish_lines(go);
	go->n_passed = 0;
}

/* place = file ":" number; the name of the file may hold a colon and a number too */
static void take_place(struct go_heap *go, struct cursor text, struct profile_line *line,
		       struct profile_function *function)
{
	struct cursor number = text;
	const char *colon = memrchr(text.at, ':', cursor_left(&text));

	if (!colon)
		return;
	number.at = colon + 1;
	line->line = cursor_take_signed(&number);
	if (number.failed)
		line->line = 0;
	text.end = colon;
	function->filename = profile_intern_bytes(go->dump.profile, text.at, cursor_left(&text));
}

/* name = function "+0x" offset */
static void take_name(struct go_heap *go, struct cursor *text, struct profile_function *function)
{
	struct cursor name = *text;
	const char *end = memchr(text->at, '\t', cursor_left(text));
	const char *plus;

	name.end = end ? end : text->end;
	text->at = end ? end + 1 : text->end;
	plus = memrchr(name.at, '+', cursor_left(&name));
	if (plus)
		name.end = plus;
	function->name = profile_intern_bytes(go->dump.profile, name.at, cursor_left(&name));
	function->system_name = function->name;
}

/* frame = "#" TAB "0x" address [ TAB name TAB place ] */
static int read_frame(struct heap_dump *dump, struct cursor text)
{
	struct go_heap *go = (struct go_heap *)dump;
	struct profile_function function = {0};
	struct profile_line line = {0};
	uint64_t address;

	if (!cursor_accept_text(&text, "0x"))
		return 0;
	address = cursor_take_hex(&text);
	if (text.failed || !cursor_is_space(cursor_peek(&text)))
		return 0;
	cursor_skip_spaces(&text);
	take_name(go, &text, &function);
	cursor_skip_spaces(&text);
	take_place(go, text, &line, &function);
	line.function = profile_add_function(dump->profile, &function);
	if (address != go->address)
		finish_lines(go);
	go->address = address;
	if (vec_push(&go->lines, line) < 0)
		profile_fail(dump->profile, -ENOMEM);
	return 0;
}

static uint32_t add_hidden(struct profile *profile, const char *name)
{
	uint32_t text = profile_intern(profile, name);

	return profile_add_function(profile,
				    &(struct profile_function){.name = text, .system_name = text});
}

/* Names the frames that Go leaves unnamed: the frames of the runtime at the leaf, and the frame at
 * the root. */
static void name_hidden(struct profile *profile)
{
	struct profile_line leaf = {.function = add_hidden(profile, HIDDEN)};
	struct profile_line root = {.function = add_hidden(profile, ROOT)};

	if (profile_status(profile))
		return;
	for (uint32_t i = 0; i < profile->stacks.n; i++) {
		size_t n;
		const uint32_t *frames = profile_stack(profile, i, &n);

		if (n && !profile->locations.items[frames[n - 1]].n_lines)
			profile_set_lines(profile, frames[n - 1], &root, 1);
		for (size_t j = 0; j < n && !profile->locations.items[frames[j]].n_lines; j++)
			profile_set_lines(profile, frames[j], &leaf, 1);
	}
}

static int read_go_dump(struct go_heap *go)
{
	struct heap_dump *dump = &go->dump;
	bool has_map = false;
	int r = heap_dump_read_header(dump);

	if (!r)
		r = heap_dump_read_records(dump, begin_record, read_frame, &has_map);
	if (!r)
		r = heap_dump_check_sums(dump);
	if (r)
		return r;
	dump->profile->tool = READER_TOOL_GO;
	finish_lines(go);
	name_hidden(dump->profile);
	heap_builder_drop_go(&dump->builder);
	profile_settle_mappings(dump->profile, NULL);
	return 0;
}

static int read_go_heap(struct profile *profile, struct input *input, struct diag *diag)
{
	struct go_heap go = {0};
	int r;

	heap_dump_init(&go.dump, profile, input, diag);
	r = read_go_dump(&go);
	heap_dump_deinit(&go.dump);
	vec_deinit(&go.lines);
	return r;
}

/* In Go's dumps, comments with the names of its frames follow each record. If two records come
 * without such comments, or a memory map begins, another tool wrote the dump. While the head has
 * fewer than two records, which may be long, the answer is PROBE_UNSURE. */
static enum probe probe_go_heap(struct cursor head)
{
	struct cursor frame = head, statistics = head, line;
	unsigned n_records = 0;

	if (!heap_text_probe(head))
		return PROBE_NO;
	if (cursor_find(&frame, "\n#\t0x") || cursor_find(&statistics, "\n# runtime.MemStats\n"))
		return PROBE_YES;
	heap_text_next_line(&head, &line);
	while (n_records < 2 && heap_text_next_line(&head, &line)) {
		if (heap_text_is_map_title(line))
			return PROBE_NO;
		n_records += !heap_text_is_comment(line);
	}
	return n_records < 2 ? PROBE_UNSURE : PROBE_NO;
}

const struct reader reader_go_heap = {
	.name = "go-heap",
	.summary = "Go's heap profile as text (debug=1), with the names it brings",
	.group = READER_PROFILERS,
	.made_by = "curl http://HOST/debug/pprof/heap?debug=1",
	.probe = probe_go_heap,
	.read = read_go_heap,
};
