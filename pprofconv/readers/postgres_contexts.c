/* SPDX-License-Identifier: MIT */
/* Reads the memory contexts that PostgreSQL prints into its log, for
 * pg_log_backend_memory_contexts(), or on standard error, when it runs out of memory:
 *
 * report  = [ prefix "logging memory contexts of PID " pid ] context* total
 * context = place ( name | n " more child contexts containing" ) counts
 * place   = prefix "level: " n "; "        in the log; levels begin at 0, from version 18 on at 1
 *         | ( "  " )*                       on standard error: two spaces a level
 * counts  = [ ":" ] " " T " total in " B " blocks" [ " (" n " chunks)" ] "; " F " free (" K
 *           " chunks); " U " used" [ ": " ident ]
 * total   = prefix "Grand total: " T " bytes in " B " blocks; " F " free (" K " chunks); " U "
 * used"
 *
 * The prefix may be any text: see log_line_prefix. All five sums must be those of the total, so
 * nothing is missing, and nothing of another process is in between. */
#include <errno.h>

#include "readers/heap_text.h"
#include "readers/heap_types.h"
#include "readers/named_stack.h"
#include "readers/reader.h"
#include "readers/readers.h"
#include "readers/report_log.h"

enum {
	DEPTH_MAX = 1000,
};

struct counts {
	uint64_t total, blocks, free, chunks, used;
};

struct context {
	bool has_level; /* the line is of the log, not of standard error */
	bool is_rest;   /* it is the sum of several contexts */
	uint64_t
		level; /* as printed; of a sum on standard error its own, in the log its parent's */
	struct cursor name, ident;
	struct counts counts;
};

struct contexts {
	struct input *input;
	struct diag *diag;
	struct report_log log;
	struct profile *report; /* that is being read; NULL: none */
	struct named_stack stack;
	VEC(uint32_t) path; /* strings: the names from the root to the last context */
	uint64_t root_level;
	struct counts sums;
	uint64_t pid; /* of the line that begins a report; 0: not known */
};

/* --- lines --------------------------------------------------------------------------------- */

static bool take_number(struct cursor *text, uint64_t *out, const char *after)
{
	*out = cursor_take_decimal(text);
	return !text->failed && cursor_accept_text(text, after);
}

/* Takes what follows "T" in the line of a context, or in that of the total. */
static bool take_counts(struct cursor *text, const char *after_total, struct counts *out)
{
	uint64_t n;

	if (!cursor_accept_text(text, after_total) || !take_number(text, &out->blocks, " blocks"))
		return false;
	if (cursor_accept_text(text, " (") && !take_number(text, &n, " chunks)"))
		return false;
	return cursor_accept_text(text, "; ") && take_number(text, &out->free, " free (") &&
	       take_number(text, &out->chunks, " chunks); ") &&
	       take_number(text, &out->used, " used");
}

/* Returns whether the numbers are such as can be added up. */
static bool are_sound(const struct counts *c)
{
	return c->total < INT64_MAX && c->free <= c->total && c->used == c->total - c->free &&
	       c->blocks < INT64_MAX && c->chunks < INT64_MAX;
}

/* Sets the cursor `text` to after the digits before " total in ", which it returns, and cuts `name`
 * before them. */
static bool split_name(struct cursor *name, struct cursor *text, uint64_t *out_total)
{
	struct cursor digits = *text;

	if (!cursor_find(text, " total in "))
		return false;
	digits.end = text->at;
	while (text->at > name->at && text->at[-1] >= '0' && text->at[-1] <= '9')
		text->at--;
	name->end = text->at;
	*out_total = cursor_take_decimal(text);
	return !text->failed && text->at == digits.end;
}

/* name = text ":" " " | n " more child contexts containing " */
static bool read_name(struct context *context)
{
	struct cursor text = context->name;

	cursor_trim_end(&context->name);
	cursor_take_decimal(&text);
	if (!text.failed && cursor_equals(&text, " more child contexts containing ")) {
		context->is_rest = true;
		return true;
	}
	if (cursor_at_end(&context->name) || context->name.end[-1] != ':')
		return false;
	context->name.end--;
	return !cursor_at_end(&context->name);
}

/* Returns the text that follows the place of a context. The prefix may contain the word, and so may
 * an ident, which follows the counts. */
static struct cursor take_place(struct cursor line, struct context *out)
{
	struct cursor at = line, counts = line;

	if (cursor_find(&counts, " total in "))
		at.end = counts.at;
	while (cursor_find(&at, "level: ") && cursor_accept_text(&at, "level: ")) {
		struct cursor after = at;

		if (take_number(&after, &out->level, "; ")) {
			out->has_level = true;
			after.end = line.end;
			return after;
		}
	}
	out->level = 0;
	while (cursor_accept_text(&line, "  "))
		out->level++;
	return line;
}

static bool take_context(struct cursor line, struct context *out)
{
	struct cursor text;

	*out = (struct context){0};
	cursor_trim_end(&line);
	text = out->name = take_place(line, out);
	if (!split_name(&out->name, &text, &out->counts.total) ||
	    !take_counts(&text, " total in ", &out->counts) || !read_name(out))
		return false;
	if (cursor_accept_text(&text, ": "))
		out->ident = text;
	return are_sound(&out->counts);
}

static bool take_total(struct cursor line, struct counts *out)
{
	return cursor_find(&line, "Grand total: ") && cursor_accept_text(&line, "Grand total: ") &&
	       take_number(&line, &out->total, "") && take_counts(&line, " bytes in ", out);
}

static bool take_begin(struct cursor line, uint64_t *out_pid)
{
	return cursor_find(&line, "logging memory contexts of PID ") &&
	       cursor_accept_text(&line, "logging memory contexts of PID ") &&
	       take_number(&line, out_pid, "");
}

/* --- reports ------------------------------------------------------------------------------- */

static void drop_report(struct contexts *c)
{
	profile_free(c->report);
	c->report = NULL;
	named_stack_deinit(&c->stack);
}

static int begin_report(struct contexts *c, const struct context *root)
{
	if (c->report)
		drop_report(c);
	c->report = report_log_begin(&c->log);
	if (!c->report)
		return -ENOMEM;
	c->sums = (struct counts){0};
	c->root_level = root->level;
	c->path.n = 0;
	profile_add_sample_type(c->report, "blocks", "count");
	profile_add_sample_type(c->report, "free_space", "bytes");
	profile_add_sample_type(c->report, "inuse_space", "bytes");
	c->report->default_sample_type = profile_intern(c->report, "inuse_space");
	heap_types_set_exact(c->report);
	c->report->tool = "PostgreSQL, memory contexts";
	named_stack_init(&c->stack, c->report);
	return 0;
}

/* Sets the path to that of the context. Returns -ENOMEM, or 0. */
static int enter(struct contexts *c, const struct context *context)
{
	uint64_t depth = context->level - c->root_level + (context->is_rest && context->has_level);

	if (depth < c->path.n)
		c->path.n = (size_t)depth;
	if (c->path.n >= DEPTH_MAX)
		return 0; /* its counts go to the last context */
	return vec_push(&c->path, profile_intern_bytes(c->report, context->name.at,
						       cursor_left(&context->name)));
}

static uint32_t take_stack(struct contexts *c)
{
	for (size_t i = c->path.n; i > 0; i--) {
		const char *name = profile_string(c->report, c->path.items[i - 1]);
		const struct named_frame frame = {
			.name = cursor_make(name, strlen(name)),
			.mapping = PROFILE_NONE,
		};

		named_stack_push(&c->stack, &frame);
	}
	return named_stack_take(&c->stack);
}

static uint32_t ident_of(struct contexts *c, const struct context *context)
{
	struct profile_label label = {.key = profile_intern(c->report, "ident")};

	if (cursor_at_end(&context->ident))
		return 0;
	label.text =
		profile_intern_bytes(c->report, context->ident.at, cursor_left(&context->ident));
	return label.text ? profile_add_labels(c->report, &label, 1) : 0;
}

static bool add_up(struct counts *sums, const struct counts *c)
{
	return !__builtin_add_overflow(sums->total, c->total, &sums->total) &&
	       !__builtin_add_overflow(sums->blocks, c->blocks, &sums->blocks) &&
	       !__builtin_add_overflow(sums->free, c->free, &sums->free) &&
	       !__builtin_add_overflow(sums->chunks, c->chunks, &sums->chunks) &&
	       !__builtin_add_overflow(sums->used, c->used, &sums->used);
}

/* A context outside of a report, or at the level of its root, begins one: the report before has no
 * end, because the server crashed. */
static int read_context(struct contexts *c, const struct context *context)
{
	const struct counts *n = &context->counts;
	int r = 0;

	if (!c->report || context->level <= c->root_level)
		r = context->is_rest && c->report ? 0 : begin_report(c, context);
	if (!r)
		r = enter(c, context);
	if (r)
		return diag_errno(c->diag, r);
	if (!add_up(&c->sums, n))
		profile_fail(c->report, -EOVERFLOW);
	profile_add_sample(c->report,
			   (struct profile_sample){
				   .stack = take_stack(c),
				   .labels = ident_of(c, context),
			   },
			   (int64_t[]){(int64_t)n->blocks, (int64_t)n->free, (int64_t)n->used});
	return 0;
}

static bool is_same(const struct counts *a, const struct counts *b)
{
	return a->total == b->total && a->blocks == b->blocks && a->free == b->free &&
	       a->chunks == b->chunks && a->used == b->used;
}

static void end_report(struct contexts *c, const struct counts *total)
{
	char comment[64];
	int n;

	if (!c->report)
		return;
	if (!is_same(&c->sums, total)) {
		diag_warn(c->diag,
			  "line %ju: the contexts do not add up to this total, and were left out; "
			  "some are missing, or those of several processes are mixed",
			  (uintmax_t)input_line_number(c->input));
		drop_report(c);
		return;
	}
	n = snprintf(comment, sizeof(comment), "pid: %ju", (uintmax_t)c->pid);
	if (c->pid)
		profile_add_comment(c->report, comment, (size_t)n);
	named_stack_deinit(&c->stack);
	report_log_end(&c->log, c->report);
	c->report = NULL;
	c->pid = 0;
}

static int read_lines(struct contexts *c)
{
	struct context context;
	struct counts total;
	struct cursor line;
	uint64_t pid;
	int r = 0;

	while (!r && input_next_line(c->input, &line)) {
		if (take_context(line, &context))
			r = read_context(c, &context);
		else if (take_total(line, &total))
			end_report(c, &total);
		else if (take_begin(line, &pid))
			c->pid = pid;
	}
	return r ? r : input_status(c->input);
}

static int read_postgres_contexts(struct profile *profile, struct input *input, struct diag *diag)
{
	struct contexts c = {.input = input, .diag = diag};
	int r;

	report_log_init(&c.log, profile);
	r = read_lines(&c);
	if (!r)
		r = report_log_finish(&c.log, input, "report of memory contexts", diag);
	if (c.report)
		drop_report(&c);
	vec_deinit(&c.path);
	report_log_deinit(&c.log);
	return r;
}

/* Accepts a head that has the line of a context: one of the log, or a root. Elsewhere the log may
 * have its contexts further on. */
static enum probe probe_postgres_contexts(struct cursor head)
{
	struct context context;
	struct cursor line;

	while (heap_text_next_line(&head, &line))
		if (take_context(line, &context) &&
		    (context.has_level || cursor_equals(&context.name, "TopMemoryContext")))
			return PROBE_YES;
	return PROBE_UNSURE;
}

const struct reader reader_postgres_contexts = {
	.name = "postgres-contexts",
	.summary = "PostgreSQL's log of memory contexts",
	.group = READER_MEMORY,
	.made_by = "SELECT pg_log_backend_memory_contexts(PID)",
	.probe = probe_postgres_contexts,
	.read = read_postgres_contexts,
};
