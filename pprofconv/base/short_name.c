/* SPDX-License-Identifier: MIT */
/* Names come from anywhere, so their brackets need not match. First each opening bracket is paired
 * with its closing one. A '>' closes a '<' only if no other bracket was opened in between, since it
 * may be an operator: the other brackets close whatever '<' are open within them. An opening
 * bracket without a partner is text, unless it opens an argument list: then the name was cut, and
 * the list is the rest of it. */
#include "base/short_name.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

#define SYMBOLS_MAX 3        /* of an operator */
#define TEXT        SIZE_MAX /* the partner of a position without an opening bracket that has one */

struct bracket {
	size_t partner;
	bool is_path; /* "<T as Trait>": a path of Rust, not a list */
};

struct open_bracket { /* one of ( [ { */
	size_t at;
	size_t n_angles; /* '<' that were open before it */
};

struct brackets {
	const char *name;
	size_t size;
	VEC(struct bracket) at;        /* for each position of the name */
	VEC(struct open_bracket) open; /* those that are not closed yet, the innermost last */
	VEC(size_t) angles;            /* the same for '<' */
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* Returns the size of the text at `at` in which brackets open and close nothing, at least 1:
 * operator<, operator() and -> for example. */
static size_t token_size(const char *name, size_t at)
{
	static const char *const operators[] = {
		"<=>", "<<=", ">>=", "->*", "<<", ">>", "<=", ">=", "->", "<", ">", "()", "[]"};
	static const char word[] = "operator";
	const char *text = name + at;

	if (strncmp(text, "->", 2) == 0)
		return 2;
	if (strncmp(text, word, strlen(word)) != 0 || (at > 0 && is_word(name[at - 1])))
		return 1;
	text += strlen(word);
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (strncmp(text, operators[i], strlen(operators[i])) == 0)
			return strlen(word) + strlen(operators[i]);
	return strlen(word);
}

/* Returns the bracket that `c` closes, or '\0'. */
static char opened_by(char c)
{
	return c == ')' ? '(' : c == ']' ? '[' : c == '}' ? '{' : '\0';
}

/* Returns the innermost '<' that a '>' would close, or TEXT. */
static size_t innermost_angle(const struct brackets *brackets)
{
	size_t n = brackets->open.n;
	size_t n_outside = n ? brackets->open.items[n - 1].n_angles : 0;

	return brackets->angles.n > n_outside ? brackets->angles.items[brackets->angles.n - 1]
					      : TEXT;
}

static void close_angle(struct brackets *brackets, size_t at)
{
	size_t angle = innermost_angle(brackets);

	if (angle == TEXT)
		return;
	brackets->at.items[angle].partner = at;
	brackets->angles.n--;
}

static void close_bracket(struct brackets *brackets, size_t at)
{
	const struct open_bracket *open;

	if (!brackets->open.n)
		return;
	open = &brackets->open.items[brackets->open.n - 1];
	if (brackets->name[open->at] != opened_by(brackets->name[at]))
		return;
	brackets->at.items[open->at].partner = at;
	brackets->angles.n = open->n_angles;
	brackets->open.n--;
}

/* Marks the innermost open '<' as a path if the text at `at` says so. */
static void mark_path(struct brackets *brackets, size_t at)
{
	size_t angle = innermost_angle(brackets);

	if (angle != TEXT && (strncmp(brackets->name + at, " as ", 4) == 0 ||
			      (at == angle + 1 && strncmp(brackets->name + at, "impl ", 5) == 0)))
		brackets->at.items[angle].is_path = true;
}

static int read_character(struct brackets *brackets, size_t at)
{
	struct open_bracket open = {at, brackets->angles.n};

	switch (brackets->name[at]) {
	case '<':
		return vec_push(&brackets->angles, at);
	case '>':
		close_angle(brackets, at);
		return 0;
	case '(':
	case '[':
	case '{':
		return vec_push(&brackets->open, open);
	case ')':
	case ']':
	case '}':
		close_bracket(brackets, at);
		return 0;
	default:
		mark_path(brackets, at);
		return 0;
	}
}

/* Returns whether the text before `at` is an operator of symbols, such as operator+=. */
static bool follows_operator(const char *name, size_t at)
{
	static const char word[] = "operator";
	size_t n = strlen(word);

	for (int i = 0; i < SYMBOLS_MAX && at > n && strchr("=+-*/%^&|~!<>,", name[at - 1]); i++)
		at--;
	return at >= n && strncmp(name + at - n, word, n) == 0;
}

/* Returns whether the bracket at `at` opens an argument list. */
static bool is_list(const struct brackets *brackets, size_t at)
{
	const char *name = brackets->name;
	char before = at > 0 ? name[at - 1] : '\0';

	switch (name[at]) {
	case '<':
		if (before == ' ') /* operator<< <int> */
			return follows_operator(name, at - 1);
		if (at > 1 && before == ':' && name[at - 2] == ':')
			return !brackets->at.items[at].is_path;
		return is_word(before) || follows_operator(name, at);
	case '(':
		return is_word(before) || (before && strchr(">)]}'", before)) ||
		       follows_operator(name, at);
	case '[':
		return is_word(before);
	default:
		return false;
	}
}

/* Lets an open bracket reach to the end of the name, if it opens a list. */
static void close_at_end(struct brackets *brackets, size_t at)
{
	if (is_list(brackets, at))
		brackets->at.items[at].partner = brackets->size;
}

static int pair_brackets(struct brackets *brackets)
{
	int r = vec_reserve(&brackets->at, brackets->size);

	for (size_t i = 0; !r && i < brackets->size; i++)
		brackets->at.items[i] = (struct bracket){.partner = TEXT};
	for (size_t i = 0; !r && i < brackets->size;) {
		size_t n = token_size(brackets->name, i);

		if (n == 1)
			r = read_character(brackets, i);
		i += n;
	}
	if (r)
		return r;
	vec_foreach (angle, &brackets->angles)
		close_at_end(brackets, *angle);
	vec_foreach (open, &brackets->open)
		close_at_end(brackets, open->at);
	return 0;
}

/* Writes the name, with dots, to `out`, which may be NULL. Returns the size. */
static size_t write_short(const struct brackets *brackets, size_t list_max, const char *dots,
			  char *out)
{
	size_t n = 0, n_dots = strlen(dots);

	for (size_t i = 0; i < brackets->size;) {
		size_t end = brackets->at.items[i].partner;

		if (out)
			out[n] = brackets->name[i];
		n++;
		i++;
		if (end == TEXT || end - i <= list_max || !is_list(brackets, i - 1))
			continue;
		if (out)
			/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): a part of it */
			memcpy(out + n, dots, n_dots);
		n += n_dots;
		i = end;
	}
	return n;
}

char *short_name_with(const char *name, size_t list_max, const char *dots)
{
	struct brackets brackets = {.name = name, .size = strlen(name)};
	char *out = NULL;

	if (brackets.size > list_max && !pair_brackets(&brackets)) {
		size_t size = write_short(&brackets, list_max, dots, NULL);

		out = malloc(size + 1);
		if (out) {
			write_short(&brackets, list_max, dots, out);
			out[size] = '\0';
		}
	}
	vec_deinit(&brackets.open);
	vec_deinit(&brackets.angles);
	vec_deinit(&brackets.at);
	if (out && strcmp(out, name) == 0) {
		free(out);
		return NULL;
	}
	return out;
}

char *short_name(const char *name)
{
	return short_name_with(name, SHORT_NAME_LIST_MAX, "...");
}
