/* SPDX-License-Identifier: MIT */
/* Reads the snapshots of valgrind's massif. Some of them have a tree of the stacks:
 *
 *	snapshot=N
 *	time=N
 *	mem_heap_B=BYTES
 *	...
 *	heap_tree=empty | detailed | peak
 *	nK: BYTES (heap allocation functions) ...       the root
 *	 nK: BYTES FRAME                                its K children, one space further in
 *	 n0: BYTES in N places, below massif's threshold
 *
 * The children of a node are its callers, so a path from the root begins with the leaf of a stack.
 * A node's bytes are the sum of its children's, and the root's are mem_heap_B. Each snapshot with a
 * tree is a report. */
#include <errno.h>
#include <inttypes.h>

#include "readers/heap_types.h"
#include "readers/reader.h"
#include "readers/readers.h"
#include "readers/report_log.h"
#include "readers/valgrind_frame.h"

#define DEPTH_MAX 4096
#define BELOW     "(below massif's threshold)"

struct node {
	int64_t bytes, sum; /* `sum`: of the children so far */
	uint64_t n_left;    /* children that have not been read */
	size_t text, size;  /* of its frame, in massif.text */
};

struct massif {
	struct input *input;
	struct diag *diag;
	struct report_log log;
	struct profile *report; /* ours; NULL: no tree is being read */
	struct named_stack stack;
	VEC(struct node) path;     /* from the root to the node that was read last */
	VEC(char) text;            /* the frames of the path */
	uint64_t snapshot, chosen; /* numbers, as in the file */
	int64_t bytes;             /* of the snapshot; -1: not known */
	int64_t most_bytes;        /* of all snapshots */
	int64_t chosen_bytes;
	bool is_open; /* a snapshot has begun and its heap_tree has not come */
};

static int corrupt(struct massif *massif, const char *what)
{
	return diag_error_line(massif->diag, READER_E_CORRUPT, input_line_number(massif->input),
			       "%s", what);
}

static int no_memory(struct massif *massif)
{
	return diag_errno(massif->diag, -ENOMEM);
}

/* --- trees --------------------------------------------------------------------------------- */

static void drop_tree(struct massif *massif)
{
	named_stack_deinit(&massif->stack);
	profile_free(massif->report);
	massif->report = NULL;
	massif->path.n = massif->text.n = 0;
}

static int begin_tree(struct massif *massif)
{
	massif->report = report_log_begin(&massif->log);
	if (!massif->report)
		return no_memory(massif);
	named_stack_init(&massif->stack, massif->report);
	return 0;
}

static void end_tree(struct massif *massif)
{
	struct profile *report = massif->report;
	int64_t bytes = massif->bytes;

	if (report_log_end_largest(&massif->log, report, bytes)) {
		massif->chosen = massif->snapshot;
		massif->chosen_bytes = bytes;
	}
	massif->report = NULL;
	drop_tree(massif);
}

/* Adds the stack that the path has from its second node on, whose bytes are those of its last. */
static int add_sample(struct massif *massif)
{
	struct profile_sample key = {0};
	int64_t bytes = massif->path.items[massif->path.n - 1].bytes;

	for (size_t i = 1; i < massif->path.n; i++) {
		const struct node *node = &massif->path.items[i];
		struct cursor text = cursor_make(massif->text.items + node->text, node->size);
		struct named_frame below = {
			.name = cursor_make(BELOW, sizeof(BELOW) - 1),
			.file = cursor_make("", 0),
			.mapping = PROFILE_NONE,
		};

		if (cursor_starts_with(&text, "in "))
			named_stack_push(&massif->stack, &below);
		else if (!valgrind_frame_push(&massif->stack, text))
			return corrupt(massif, "expected a frame such as '0x1234: name (file:1)'");
	}
	key.stack = named_stack_take(&massif->stack);
	if (bytes)
		profile_add_sample(massif->report, key, &bytes);
	return 0;
}

/* Ends the nodes whose children have all been read, from the last one up. */
static int end_nodes(struct massif *massif)
{
	while (massif->path.n && !massif->path.items[massif->path.n - 1].n_left) {
		struct node node = massif->path.items[--massif->path.n];
		struct node *parent =
			massif->path.n ? &massif->path.items[massif->path.n - 1] : NULL;

		massif->text.n = node.text;
		if (node.sum != node.bytes)
			return corrupt(massif,
				       "the bytes of a node are not the sum of its callers'");
		if (parent && (__builtin_add_overflow(parent->sum, node.bytes, &parent->sum)))
			return corrupt(massif, "the bytes add up to more than 64 bits hold");
	}
	if (!massif->path.n)
		end_tree(massif);
	return 0;
}

/* The root says what is counted. Its bytes are those of the snapshot. */
static int check_root(struct massif *massif, struct cursor what, int64_t bytes)
{
	bool is_pages = cursor_starts_with(&what, "(page allocation");
	const char *type = is_pages ? "mapped_space" : "inuse_space";

	if (!is_pages && !cursor_starts_with(&what, "(heap allocation"))
		return diag_error_line(massif->diag, READER_E_UNSUPPORTED,
				       input_line_number(massif->input),
				       "valgrind's xtree in massif's form is not supported: its "
				       "snapshots are not moments; run valgrind --tool=massif");
	if (bytes != massif->bytes)
		return corrupt(massif, "the tree has other bytes than mem_heap_B");
	profile_add_sample_type(massif->report, type, "bytes");
	heap_types_set_exact(massif->report);
	massif->report->default_sample_type = profile_intern(massif->report, type);
	massif->report->tool = "valgrind's massif";
	return 0;
}

/* node = { " " } "n" number ":" " " bytes " " what; one space for each node above it */
static int read_node(struct massif *massif, struct cursor line)
{
	size_t depth = massif->path.n;
	struct node node = {.text = massif->text.n};
	int r;

	for (size_t i = 0; i < depth; i++)
		cursor_expect(&line, ' ');
	cursor_expect(&line, 'n');
	node.n_left = cursor_take_decimal(&line);
	cursor_expect(&line, ':');
	cursor_expect(&line, ' ');
	node.bytes = cursor_take_signed(&line);
	cursor_expect(&line, ' ');
	if (line.failed || node.bytes < 0)
		return corrupt(massif,
			       "expected a node of the tree, such as ' n1: 64 0x12: f (a.c:3)'");
	if (depth == DEPTH_MAX)
		return corrupt(massif, "a stack of more than 4096 frames");
	r = depth ? 0 : check_root(massif, line, node.bytes);
	if (r)
		return r;
	node.size = cursor_left(&line);
	node.sum = node.n_left ? 0 : node.bytes;
	if (vec_append(&massif->text, line.at, node.size) < 0)
		return no_memory(massif);
	if (depth)
		massif->path.items[depth - 1].n_left--;
	if (vec_push(&massif->path, node) < 0)
		return no_memory(massif);
	if (!node.n_left) {
		r = add_sample(massif);
		return r ? r : end_nodes(massif);
	}
	return 0;
}

/* --- snapshots ----------------------------------------------------------------------------- */

static int read_tree_kind(struct massif *massif, struct cursor kind)
{
	if (!massif->is_open || massif->bytes < 0)
		return corrupt(massif, "a tree without a snapshot, or without its mem_heap_B");
	massif->is_open = false;
	if (massif->bytes > massif->most_bytes)
		massif->most_bytes = massif->bytes;
	if (cursor_equals(&kind, "empty"))
		return 0;
	if (!cursor_equals(&kind, "detailed") && !cursor_equals(&kind, "peak"))
		return corrupt(massif, "expected empty, detailed or peak");
	return begin_tree(massif);
}

static int take_whole_number(struct massif *massif, struct cursor text, int64_t *out)
{
	*out = cursor_take_signed(&text);
	if (text.failed || !cursor_at_end(&text) || *out < 0)
		return corrupt(massif, "expected a number");
	return 0;
}

static int read_line(struct massif *massif, struct cursor line)
{
	int64_t number;
	int r;

	if (massif->report)
		return read_node(massif, line);
	if (cursor_accept_text(&line, "snapshot=")) {
		if (massif->is_open)
			return corrupt(massif, "the snapshot before it has no heap_tree");
		r = take_whole_number(massif, line, &number);
		massif->snapshot = (uint64_t)number;
		massif->bytes = -1;
		massif->is_open = true;
		return r;
	}
	if (cursor_accept_text(&line, "mem_heap_B="))
		return take_whole_number(massif, line, &massif->bytes);
	if (cursor_accept_text(&line, "heap_tree="))
		return read_tree_kind(massif, line);
	return 0;
}

static int read_lines(struct massif *massif)
{
	struct cursor line;
	int r = 0;

	while (!r && input_next_line(massif->input, &line)) {
		if (input_line_is_cut(massif->input))
			return corrupt(massif, "truncated: the last line has no newline");
		r = read_line(massif, line);
	}
	r = r ? r : input_status(massif->input);
	if (!r && (massif->report || massif->is_open))
		r = corrupt(massif, "truncated: the last snapshot is not whole");
	return r;
}

/* Massif measures the peak at frees only, and keeps the stacks of few snapshots. */
static void warn_about_choice(const struct massif *massif)
{
	if (massif->log.wanted || massif->chosen_bytes == massif->most_bytes)
		return;
	diag_warn(massif->diag,
		  "massif kept no stacks of its largest snapshot, of %" PRIi64
		  " bytes; snapshot %" PRIu64 " was read, the largest with stacks, of %" PRIi64
		  " bytes; --nth=N reads the N-th of %" PRIu64 " with stacks",
		  massif->most_bytes, massif->chosen, massif->chosen_bytes, massif->log.n_ended);
}

static int read_massif(struct profile *profile, struct input *input, struct diag *diag)
{
	struct massif massif = {.input = input, .diag = diag, .bytes = -1};
	int r;

	report_log_init(&massif.log, profile);
	r = read_lines(&massif);
	if (!r && !massif.log.n_ended)
		r = diag_error_line(diag, READER_E_UNSUPPORTED, input_line_number(input),
				    "no snapshot has stacks; run massif with --detailed-freq=1");
	r = r ? r : report_log_finish(&massif.log, input, "snapshot with stacks", diag);
	if (!r)
		warn_about_choice(&massif);
	drop_tree(&massif);
	vec_deinit(&massif.path);
	vec_deinit(&massif.text);
	report_log_deinit(&massif.log);
	return r;
}

static enum probe probe_massif(struct cursor head)
{
	return cursor_starts_with(&head, "desc: ") ? PROBE_YES : PROBE_NO;
}

const struct reader reader_massif = {
	.name = "massif",
	.summary = "the snapshots of valgrind's massif",
	.group = READER_PROFILERS,
	.made_by = "valgrind --tool=massif --massif-out-file=FILE PROGRAM",
	.probe = probe_massif,
	.read = read_massif,
};
