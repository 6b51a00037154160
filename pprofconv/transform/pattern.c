/* SPDX-License-Identifier: MIT */
/* Patterns are matched by Thompson's method. The expression becomes a program of ops. While a text
 * is matched, all states that the program may be in are followed at the same time, each at most
 * once per character. Ops refer to other ops by distance, so that parts of the program can be
 * moved. */
#include "transform/pattern.h"

#include <ctype.h>
#include <limits.h>

/* The budget of steps for matching: what a pattern begins with, and what each text adds. */
#define STEPS_FIRST UINT64_C(0x4000000)
#define STEPS_MORE  4096

enum kind {
	OP_SET,   /* takes one character of a set */
	OP_START, /* takes no character; passes at the start of the text */
	OP_END,
	OP_SPLIT, /* continues at the next op and at `to` */
	OP_JUMP,
	OP_MATCH,
};

struct pattern_op {
	enum kind kind;
	int32_t to; /* distance to another op */
	uint8_t set[(UCHAR_MAX + 1) / CHAR_BIT];
};

struct parser {
	struct pattern *pattern;
	const char *at;
	size_t depth;
};

static int parse_alternatives(struct parser *parser);

/* --- program ------------------------------------------------------------------------------- */

static struct pattern_op *op_at(struct parser *parser, size_t i)
{
	return &parser->pattern->ops.items[i];
}

static int emit(struct parser *parser, enum kind kind, int32_t to)
{
	return vec_push(&parser->pattern->ops, (struct pattern_op){.kind = kind, .to = to});
}

/* Inserts a split before the op `start`. */
static int insert_split(struct parser *parser, size_t start, int32_t to)
{
	size_t n = parser->pattern->ops.n - start;

	if (emit(parser, OP_SPLIT, to))
		return -ENOMEM;
	memmove(op_at(parser, start + 1), op_at(parser, start), n * sizeof(struct pattern_op));
	*op_at(parser, start) = (struct pattern_op){.kind = OP_SPLIT, .to = to};
	return 0;
}

static void add_to_set(struct pattern_op *op, unsigned char c)
{
	op->set[c / CHAR_BIT] |= (uint8_t)(1u << c % CHAR_BIT);
}

static bool is_in_set(const struct pattern_op *op, unsigned char c)
{
	return op->set[c / CHAR_BIT] >> c % CHAR_BIT & 1;
}

static void invert_set(struct pattern_op *op)
{
	for (size_t i = 0; i < sizeof(op->set); i++)
		op->set[i] ^= UINT8_MAX;
}

/* --- grammar ------------------------------------------------------------------------------- */

/* class = "[:" name ":]" */
static int parse_class(struct parser *parser, struct pattern_op *op)
{
	static const struct {
		const char *name;
		int (*is_in)(int c);
	} classes[] = {
		{"alpha", isalpha}, {"digit", isdigit}, {"alnum", isalnum}, {"upper", isupper},
		{"lower", islower}, {"space", isspace}, {"blank", isblank}, {"punct", ispunct},
		{"print", isprint}, {"graph", isgraph}, {"cntrl", iscntrl}, {"xdigit", isxdigit},
	};
	const char *name = parser->at + 2;
	size_t size = strcspn(name, ":");

	if (!name[size])
		return PATTERN_E_SYNTAX;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (strlen(classes[i].name) != size || strncmp(classes[i].name, name, size) != 0)
			continue;
		for (int c = 1; c <= UCHAR_MAX; c++)
			if (classes[i].is_in(c))
				add_to_set(op, (unsigned char)c);
		parser->at = name + size + 1;
		return *parser->at++ == ']' ? 0 : PATTERN_E_SYNTAX;
	}
	return PATTERN_E_SYNTAX;
}

/* member = class | character [ "-" character ] */
static int parse_member(struct parser *parser, struct pattern_op *op)
{
	unsigned char first = (unsigned char)*parser->at, last = first;

	if (first == '[' && parser->at[1] == ':')
		return parse_class(parser, op);
	if (!first || (first == '[' && (parser->at[1] == '.' || parser->at[1] == '=')))
		return PATTERN_E_SYNTAX;
	parser->at++;
	if (parser->at[0] == '-' && parser->at[1] && parser->at[1] != ']') {
		last = (unsigned char)parser->at[1];
		parser->at += 2;
	}
	if (last < first)
		return PATTERN_E_SYNTAX;
	for (unsigned c = first; c <= last; c++)
		add_to_set(op, (unsigned char)c);
	return 0;
}

/* bracket = "[" [ "^" ] member member* "]", where the first member may be "]" */
static int parse_bracket(struct parser *parser)
{
	struct pattern_op op = {.kind = OP_SET};
	bool is_inverted = parser->at[1] == '^';
	int r;

	parser->at += is_inverted ? 2 : 1;
	do
		r = parse_member(parser, &op);
	while (!r && *parser->at != ']');
	parser->at++;
	if (is_inverted)
		invert_set(&op);
	return r ? r : vec_push(&parser->pattern->ops, op);
}

/* group = "(" alternatives ")" */
static int parse_group(struct parser *parser)
{
	int r;

	if (++parser->depth > PATTERN_NESTED_MAX)
		return PATTERN_E_SYNTAX;
	parser->at++;
	r = parse_alternatives(parser);
	parser->depth--;
	if (r)
		return r;
	return *parser->at++ == ')' ? 0 : PATTERN_E_SYNTAX;
}

/* character = "." | "\" punctuation | any other */
static int parse_character(struct parser *parser)
{
	struct pattern_op op = {.kind = OP_SET};
	char c = *parser->at++;

	if (c == '.')
		invert_set(&op);
	else if (c == '\\' && !ispunct((unsigned char)*parser->at))
		return PATTERN_E_SYNTAX;
	else
		add_to_set(&op, (unsigned char)(c == '\\' ? *parser->at++ : c));
	return vec_push(&parser->pattern->ops, op);
}

/* atom = group | bracket | "^" | "$" | character */
static int parse_atom(struct parser *parser)
{
	switch (*parser->at) {
	case '(':
		return parse_group(parser);
	case '[':
		return parse_bracket(parser);
	case '^':
		parser->at++;
		return emit(parser, OP_START, 0);
	case '$':
		parser->at++;
		return emit(parser, OP_END, 0);
	case '*':
	case '+':
	case '?':
	case '{':
		return PATTERN_E_SYNTAX;
	default:
		return parse_character(parser);
	}
}

/* Repeats the ops from `start` on, as `how` says: '?', '*' or '+'. */
static int repeat(struct parser *parser, size_t start, char how)
{
	int32_t size = (int32_t)(parser->pattern->ops.n - start);
	int r;

	switch (how) {
	case '?':
		return insert_split(parser, start, size + 1);
	case '*':
		r = insert_split(parser, start, size + 2);
		return r ? r : emit(parser, OP_JUMP, -size - 1);
	default:
		return emit(parser, OP_SPLIT, -size);
	}
}

/* sequence = ( atom ( "*" | "+" | "?" )* )* */
static int parse_sequence(struct parser *parser)
{
	int r = 0;

	while (!r && *parser->at && *parser->at != '|' && !(*parser->at == ')' && parser->depth)) {
		size_t start = parser->pattern->ops.n;

		r = parse_atom(parser);
		while (!r && *parser->at && strchr("*+?", *parser->at))
			r = repeat(parser, start, *parser->at++);
		if (!r && *parser->at == '{')
			r = PATTERN_E_SYNTAX;
	}
	return r;
}

/* alternatives = sequence ( "|" sequence )*. Each sequence except the last is followed by a jump to
 * the end. Until the end is known, a jump holds the distance to the jump before it. */
static int parse_alternatives(struct parser *parser)
{
	size_t start = parser->pattern->ops.n, jump = SIZE_MAX;
	int r = parse_sequence(parser);

	while (!r && *parser->at == '|') {
		size_t n = parser->pattern->ops.n - start;

		parser->at++;
		r = insert_split(parser, start, (int32_t)n + 2);
		if (!r)
			r = emit(parser, OP_JUMP,
				 jump == SIZE_MAX ? 0 : (int32_t)(parser->pattern->ops.n - jump));
		jump = start + n + 1;
		start = parser->pattern->ops.n;
		r = r ? r : parse_sequence(parser);
	}
	while (!r && jump != SIZE_MAX) {
		int32_t before = op_at(parser, jump)->to;

		op_at(parser, jump)->to = (int32_t)(parser->pattern->ops.n - jump);
		jump = before ? jump - (size_t)before : SIZE_MAX;
	}
	return r;
}

int pattern_init(struct pattern *pattern, const char *text)
{
	struct parser parser = {.pattern = pattern, .at = text};
	int r;

	*pattern = (struct pattern){.steps_left = STEPS_FIRST};
	r = strlen(text) > PATTERN_BYTES_MAX ? PATTERN_E_SYNTAX : parse_alternatives(&parser);
	if (!r && *parser.at)
		r = PATTERN_E_SYNTAX;
	if (!r)
		r = emit(&parser, OP_MATCH, 0);
	for (size_t i = 0; !r && i < pattern->ops.n; i++)
		r = vec_push(&pattern->seen, 0);
	if (!r && (vec_reserve(&pattern->now, pattern->ops.n) ||
		   vec_reserve(&pattern->next, pattern->ops.n)))
		r = -ENOMEM;
	if (r)
		pattern_deinit(pattern);
	return r;
}

void pattern_deinit(struct pattern *pattern)
{
	vec_deinit(&pattern->ops);
	vec_deinit(&pattern->now);
	vec_deinit(&pattern->next);
	vec_deinit(&pattern->seen);
}

/* --- matching ------------------------------------------------------------------------------ */

/* Makes an op one of the next states, but only once in each step, so that the list has room for
 * all. */
static void add_state(struct pattern *pattern, uint32_t op)
{
	if (pattern->seen.items[op] == pattern->step)
		return;
	pattern->seen.items[op] = pattern->step;
	pattern->next.items[pattern->next.n++] = op;
}

/* Follows the ops among the next states that take no character. These ops stay in the list. */
static void follow_ops(struct pattern *pattern, bool is_start, bool is_end)
{
	for (size_t i = 0; i < pattern->next.n; i++) {
		uint32_t at = pattern->next.items[i];
		const struct pattern_op *op = &pattern->ops.items[at];

		if (op->kind == OP_SPLIT || op->kind == OP_JUMP)
			add_state(pattern, at + (uint32_t)op->to);
		if (op->kind == OP_SPLIT || (op->kind == OP_START && is_start) ||
		    (op->kind == OP_END && is_end))
			add_state(pattern, at + 1);
	}
}

/* Makes the next states the current ones. */
static void begin_step(struct pattern *pattern)
{
	__typeof__(pattern->now) now = pattern->next;

	pattern->next = pattern->now;
	pattern->now = now;
	pattern->next.n = 0;
	if (++pattern->step == 0) {
		memset(pattern->seen.items, 0, pattern->seen.n * sizeof(*pattern->seen.items));
		pattern->step = 1;
	}
}

static void take_character(struct pattern *pattern, unsigned char c)
{
	vec_foreach (state, &pattern->now) {
		const struct pattern_op *op = &pattern->ops.items[*state];

		if (op->kind == OP_SET && is_in_set(op, c))
			add_state(pattern, *state + 1);
	}
}

static bool has_matched(const struct pattern *pattern)
{
	return pattern->seen.items[pattern->ops.n - 1] == pattern->step;
}

bool pattern_matches(struct pattern *pattern, const char *text)
{
	const char *at = text;

	if (!pattern->ops.n)
		return false;
	pattern->steps_left += STEPS_MORE;
	pattern->next.n = 0;
	begin_step(pattern);
	add_state(pattern, 0);
	follow_ops(pattern, true, !*at);
	for (; *at && pattern->next.n; at++) {
		begin_step(pattern);
		if (pattern->steps_left < pattern->now.n)
			return false;
		pattern->steps_left -= pattern->now.n;
		take_character(pattern, (unsigned char)*at);
		follow_ops(pattern, false, !at[1]);
	}
	return !*at && has_matched(pattern);
}
