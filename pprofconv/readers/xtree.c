/* SPDX-License-Identifier: MIT */
/* Reads the trees that valgrind writes in callgrind's format, by --xtree-memory=full and
 * --xtree-leak=yes. Each stack is written out from its root to its leaf, and only the leaf's costs
 * are its own:
 *
 *	stack = { "fl=" file EOL "fn=" function EOL position EOL
 *	          "cfi=" file EOL "cfn=" function EOL "calls=0 " number EOL position costs EOL }
 *	        "fl=" file EOL "fn=" function EOL position costs EOL
 *
 * A file or function is "(NUMBER) NAME" where it occurs first, then "(NUMBER)". The last line has
 * the totals of all events. */
#include <errno.h>
#include <inttypes.h>

#include "readers/heap_types.h"
#include "readers/named_stack.h"
#include "readers/reader.h"
#include "readers/readers.h"

#define EVENTS_MAX 64
#define DEPTH_MAX  4096

enum { /* the events that are read; the first four are of a tree of memory, the others of leaks */
	EVENT_ALLOC_BLOCKS,
	EVENT_ALLOC_BYTES,
	EVENT_INUSE_BLOCKS,
	EVENT_INUSE_BYTES,
	EVENT_DEFINITE_BYTES, /* with what is lost indirectly */
	EVENT_DEFINITE_BLOCKS,
	EVENT_DEFINITE_INDIRECT_BYTES,
	EVENT_INDIRECT_BYTES,
	EVENT_INDIRECT_BLOCKS,
	EVENT_POSSIBLE_BYTES,
	EVENT_POSSIBLE_BLOCKS,
	EVENT_REACHABLE_BYTES,
	EVENT_REACHABLE_BLOCKS,
	EVENTS,
};

static const char *const event_names[EVENTS] = {
	"totBk", "totB", "curBk", "curB", "DB", "DBk", "DIB", "IB", "IBk", "PB", "PBk", "RB", "RBk",
};

struct frame {
	uint32_t file, name; /* strings */
	int64_t line;
};

typedef VEC(uint32_t) string_list;

struct xtree {
	struct profile *profile;
	struct input *input;
	struct diag *diag;
	struct named_stack stack;
	string_list files, functions; /* strings, by number minus 1 */
	int columns[EVENTS];          /* of the costs; -1: not there */
	size_t n_columns;
	bool is_leak, is_xtree, has_totals;
	VEC(struct frame) path; /* the root first */
	uint32_t file;          /* of the next function */
	bool is_call;           /* the next line has the costs of a call */
	int64_t sums[EVENTS_MAX];
};

static int corrupt(struct xtree *xtree, const char *what)
{
	return diag_error_line(xtree->diag, READER_E_CORRUPT, input_line_number(xtree->input), "%s",
			       what);
}

static int no_memory(struct xtree *xtree)
{
	return diag_errno(xtree->diag, -ENOMEM);
}

/* --- events -------------------------------------------------------------------------------- */

static bool has_all(const struct xtree *xtree, int first, int last)
{
	for (int i = first; i <= last; i++)
		if (xtree->columns[i] < 0)
			return false;
	return true;
}

static int read_events(struct xtree *xtree, struct cursor line)
{
	if (!xtree->is_xtree)
		return diag_error_line(xtree->diag, READER_E_UNSUPPORTED,
				       input_line_number(xtree->input),
				       "callgrind's costs are not memory; give the file of "
				       "--xtree-memory=full or --xtree-leak=yes");
	if (xtree->n_columns)
		return corrupt(xtree, "the events are listed twice");
	for (cursor_skip_spaces(&line); !cursor_at_end(&line); cursor_skip_spaces(&line)) {
		struct cursor word = cursor_take_word(&line);

		if (xtree->n_columns == EVENTS_MAX)
			return corrupt(xtree, "more than 64 events");
		for (int i = 0; i < EVENTS; i++)
			if (cursor_equals(&word, event_names[i]))
				xtree->columns[i] = (int)xtree->n_columns;
		xtree->n_columns++;
	}
	xtree->is_leak = has_all(xtree, EVENT_DEFINITE_BYTES, EVENTS - 1);
	if (!xtree->is_leak && !has_all(xtree, EVENT_ALLOC_BLOCKS, EVENT_INUSE_BYTES))
		return diag_error_line(xtree->diag, READER_E_UNSUPPORTED,
				       input_line_number(xtree->input),
				       "the events of neither --xtree-memory=full nor "
				       "--xtree-leak=yes; give one of these to valgrind");
	if (!xtree->is_leak)
		heap_types_add(xtree->profile, "alloc");
	heap_types_add(xtree->profile, "inuse");
	return 0;
}

/* --- stacks -------------------------------------------------------------------------------- */

/* name = "(" number ")" [ " " text ]: a new text must have the next number. */
static int read_name(struct xtree *xtree, struct cursor line, bool is_file, uint32_t *out)
{
	string_list *known = is_file ? &xtree->files : &xtree->functions;
	uint64_t number;

	cursor_expect(&line, '(');
	number = cursor_take_decimal(&line);
	cursor_expect(&line, ')');
	if (line.failed || !number || number > known->n + 1)
		return corrupt(xtree, "expected the number of a file or function");
	if (number == known->n + 1) {
		cursor_expect(&line, ' ');
		if (line.failed || cursor_at_end(&line))
			return corrupt(xtree, "a number without a name");
		if (cursor_equals(&line, "UnknownFile???"))
			line.end = line.at;
		if (vec_push(known,
			     profile_intern_bytes(xtree->profile, line.at, cursor_left(&line))) < 0)
			return no_memory(xtree);
	}
	*out = known->items[number - 1];
	return 0;
}

static int begin_frame(struct xtree *xtree, struct cursor line)
{
	struct frame frame = {.file = xtree->file};
	int r = read_name(xtree, line, false /* file */, &frame.name);

	if (r)
		return r;
	if (xtree->path.n == DEPTH_MAX)
		return corrupt(xtree, "a stack of more than 4096 frames");
	return vec_push(&xtree->path, frame) < 0 ? no_memory(xtree) : 0;
}

static struct cursor text_of(const struct profile *profile, uint32_t string)
{
	return cursor_make(profile_string(profile, string), strtab_size(&profile->strings, string));
}

static uint32_t take_stack(struct xtree *xtree)
{
	for (size_t i = xtree->path.n; i > 0; i--) {
		const struct frame *at = &xtree->path.items[i - 1];

		named_stack_push(&xtree->stack, &(struct named_frame){
							.name = text_of(xtree->profile, at->name),
							.file = text_of(xtree->profile, at->file),
							.line = at->line,
							.mapping = PROFILE_NONE,
						});
	}
	xtree->path.n = 0;
	return named_stack_take(&xtree->stack);
}

static int add_leaks(struct xtree *xtree, uint32_t stack, const int64_t *costs)
{
	static const struct {
		const char *kind;
		int blocks, bytes, without;
	} kinds[] = {
		{"definite", EVENT_DEFINITE_BLOCKS, EVENT_DEFINITE_BYTES,
		 EVENT_DEFINITE_INDIRECT_BYTES},
		{"indirect", EVENT_INDIRECT_BLOCKS, EVENT_INDIRECT_BYTES, -1},
		{"possible", EVENT_POSSIBLE_BLOCKS, EVENT_POSSIBLE_BYTES, -1},
		{"reachable", EVENT_REACHABLE_BLOCKS, EVENT_REACHABLE_BYTES, -1},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int64_t values[] = {costs[xtree->columns[kinds[i].blocks]],
				    costs[xtree->columns[kinds[i].bytes]]};
		const struct profile_label label = {
			.key = profile_intern(xtree->profile, "leak"),
			.text = profile_intern(xtree->profile, kinds[i].kind),
		};

		if (kinds[i].without >= 0)
			values[1] -= costs[xtree->columns[kinds[i].without]];
		if (values[1] < 0)
			return corrupt(xtree, "more is lost indirectly than in all");
		if (values[0] || values[1])
			profile_add_sample(
				xtree->profile,
				(struct profile_sample){
					.stack = stack,
					.labels = profile_add_labels(xtree->profile, &label, 1),
				},
				values);
	}
	return 0;
}

static void add_memory(struct xtree *xtree, uint32_t stack, const int64_t *costs)
{
	int64_t values[4];

	for (int i = 0; i < 4; i++)
		values[i] = costs[xtree->columns[EVENT_ALLOC_BLOCKS + i]];
	profile_add_sample(xtree->profile, (struct profile_sample){.stack = stack}, values);
}

static int end_stack(struct xtree *xtree, const int64_t *costs)
{
	uint32_t stack;

	for (size_t i = 0; i < xtree->n_columns; i++)
		if (__builtin_add_overflow(xtree->sums[i], costs[i], &xtree->sums[i]))
			return corrupt(xtree, "the costs add up to more than 64 bits hold");
	stack = take_stack(xtree);
	if (xtree->is_leak)
		return add_leaks(xtree, stack, costs);
	add_memory(xtree, stack, costs);
	return 0;
}

/* Takes as many numbers as there are events. */
static int take_costs(struct xtree *xtree, struct cursor line, int64_t *out)
{
	for (size_t i = 0; i < xtree->n_columns; i++) {
		cursor_skip_spaces(&line);
		out[i] = cursor_take_signed(&line);
		if (out[i] < 0)
			line.failed = true;
	}
	cursor_skip_spaces(&line);
	if (line.failed || !cursor_at_end(&line))
		return corrupt(xtree, "expected a number for each event");
	return 0;
}

/* position [ costs ] */
static int read_position(struct xtree *xtree, struct cursor line)
{
	int64_t costs[EVENTS_MAX] = {0}, position = cursor_take_signed(&line);
	int r;

	cursor_skip_spaces(&line);
	if (line.failed || !xtree->path.n || !xtree->n_columns)
		return corrupt(xtree, "expected a line of valgrind's tree");
	if (xtree->is_call) {
		xtree->is_call = false;
		return take_costs(xtree, line, costs);
	}
	xtree->path.items[xtree->path.n - 1].line =
		position > 0 && position < INT32_MAX ? position : 0;
	if (cursor_at_end(&line))
		return 0;
	r = take_costs(xtree, line, costs);
	return r ? r : end_stack(xtree, costs);
}

/* --- the file ------------------------------------------------------------------------------ */

static int check_totals(struct xtree *xtree, struct cursor line)
{
	int64_t totals[EVENTS_MAX];
	int r = take_costs(xtree, line, totals);

	if (r)
		return r;
	xtree->has_totals = true;
	if (xtree->path.n)
		return corrupt(xtree, "the last stack is not whole");
	for (size_t i = 0; i < xtree->n_columns; i++)
		if (totals[i] != xtree->sums[i])
			return corrupt(xtree, "the stacks do not add up to the totals");
	return 0;
}

static int read_line(struct xtree *xtree, struct cursor line)
{
	uint32_t ignored;

	if (cursor_at_end(&line) || *line.at == '#')
		return 0;
	if (xtree->has_totals)
		return corrupt(xtree, "text after the totals");
	if (cursor_accept_text(&line, "creator: "))
		xtree->is_xtree = cursor_starts_with(&line, "xtree-");
	else if (cursor_accept_text(&line, "events:"))
		return read_events(xtree, line);
	else if (cursor_accept_text(&line, "fl="))
		return read_name(xtree, line, true /* file */, &xtree->file);
	else if (cursor_accept_text(&line, "fn="))
		return begin_frame(xtree, line);
	else if (cursor_accept_text(&line, "cfi="))
		return read_name(xtree, line, true /* file */, &ignored);
	else if (cursor_accept_text(&line, "cfn="))
		return read_name(xtree, line, false /* file */, &ignored);
	else if (cursor_starts_with(&line, "calls="))
		xtree->is_call = true;
	else if (cursor_accept_text(&line, "totals:"))
		return check_totals(xtree, line);
	else if (*line.at >= '0' && *line.at <= '9')
		return read_position(xtree, line);
	return 0;
}

static int read_lines(struct xtree *xtree)
{
	struct cursor line;
	int r = 0;

	while (!r && input_next_line(xtree->input, &line)) {
		cursor_trim_end(&line);
		r = read_line(xtree, line);
	}
	r = r ? r : input_status(xtree->input);
	if (!r && !xtree->has_totals)
		r = corrupt(xtree, "truncated: the totals, which end a file, are missing");
	return r;
}

static int read_xtree(struct profile *profile, struct input *input, struct diag *diag)
{
	struct xtree xtree = {.profile = profile, .input = input, .diag = diag};
	int r;

	for (int i = 0; i < EVENTS; i++)
		xtree.columns[i] = -1;
	heap_types_set_exact(profile);
	profile->tool = "valgrind";
	named_stack_init(&xtree.stack, profile);
	r = read_lines(&xtree);
	named_stack_deinit(&xtree.stack);
	vec_deinit(&xtree.files);
	vec_deinit(&xtree.functions);
	vec_deinit(&xtree.path);
	return r;
}

static enum probe probe_xtree(struct cursor head)
{
	return cursor_starts_with(&head, "# callgrind format\n") ? PROBE_YES : PROBE_NO;
}

const struct reader reader_xtree = {
	.name = "xtree",
	.summary = "valgrind's trees of memory and of leaks, in callgrind's format",
	.group = READER_LEAKS,
	.made_by = "valgrind --xtree-memory=full --xtree-memory-file=FILE PROGRAM",
	.probe = probe_xtree,
	.read = read_xtree,
};
