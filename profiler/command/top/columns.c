/* SPDX-License-Identifier: MIT */
#include "command/top/columns.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/utf8.h"

#define TAIL_SHARE 0.6 /* of a shortened name: the end says more than the beginning */

static const char *ellipsis(const struct terminal_text *terminal)
{
	return terminal->is_utf8 ? "\u2026" : "~";
}

static uint32_t decode(const char *text, size_t n)
{
	static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t code = (unsigned char)text[0] & masks[n];

	for (size_t i = 1; i < n; i++)
		code = code << 6 | ((unsigned char)text[i] & 0x3f);
	return code;
}

struct cell {
	size_t n_bytes;   /* of the text */
	size_t width;     /* 1 or 2 columns */
	const char *text; /* `n_bytes` of it are shown; NULL: '?' */
};

/* Reads a character. Those that take no column could pile up on one cell, so they are not shown as
 * they are. */
static struct cell next_cell(const struct terminal_text *terminal, const char *text, size_t left)
{
	size_t n = utf8_printable(text, left);
	int width;

	if (!n)
		return (struct cell){1, 1, NULL};
	if (n == 1)
		return (struct cell){1, 1, text};
	width = terminal->is_utf8 ? wcwidth((wchar_t)decode(text, n)) : 0;
	if (width < 1)
		return (struct cell){n, 1, NULL};
	return (struct cell){n, (size_t)width, text};
}

size_t columns_count(const struct terminal_text *terminal, const char *text)
{
	size_t left = strlen(text), columns = 0;

	while (left) {
		struct cell cell = next_cell(terminal, text, left);

		columns += cell.width;
		text += cell.n_bytes;
		left -= cell.n_bytes;
	}
	return columns;
}

size_t columns_copy(const struct terminal_text *terminal, const char *text, size_t width, char *out,
		    size_t size)
{
	size_t left = strlen(text), columns = 0;

	while (left) {
		struct cell cell = next_cell(terminal, text, left);
		size_t n = cell.text ? cell.n_bytes : 1;

		if (columns + cell.width > width || n >= size)
			break;
		memcpy(out, cell.text ? cell.text : "?", n);
		out += n;
		size -= n;
		columns += cell.width;
		text += cell.n_bytes;
		left -= cell.n_bytes;
	}
	*out = '\0';
	return columns;
}

/* --- names --------------------------------------------------------------------------------- */

/* Returns the size of an operator's name at `name` that has '<' or '>', or 0. */
static size_t operator_size(const char *name)
{
	static const char *const operators[] = {
		"operator<=>", "operator<<=", "operator>>=", "operator<<",
		"operator>>",  "operator<=",  "operator>=",  "operator->*",
		"operator->",  "operator<",   "operator>"};

	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (strncmp(name, operators[i], strlen(operators[i])) == 0)
			return strlen(operators[i]);
	return 0;
}

/* Writes the name with an ellipsis in place of all template arguments. `out` has room for the name
 * and an ellipsis for each '<' in it. */
static void drop_arguments(const char *name, const char *dots, char *out)
{
	size_t depth = 0;

	while (*name) {
		size_t n = operator_size(name);

		if (n == 0 && *name == '<' && depth++ == 0)
			out = stpcpy(stpcpy(out, "<"), dots);
		if (n == 0 && *name == '>' && depth > 0)
			depth--;
		n = n ? n : 1;
		if (!depth && *name != '<')
			out = mempcpy(out, name, n);
		else if (!depth)
			*out++ = *name;
		name += n;
	}
	*out = '\0';
}

/* Returns the end of a text that fits into `width` columns. */
static const char *tail(const struct terminal_text *terminal, const char *text, size_t width)
{
	size_t columns = columns_count(terminal, text), left = strlen(text);

	while (columns > width) {
		struct cell cell = next_cell(terminal, text, left);

		text += cell.n_bytes;
		left -= cell.n_bytes;
		columns -= cell.width;
	}
	return text;
}

static size_t copy_ends(const struct terminal_text *terminal, const char *name, size_t width,
			char *out, size_t size)
{
	size_t end = (size_t)(TAIL_SHARE * (double)(width - 1));
	size_t columns = columns_copy(terminal, name, width - 1 - end, out, size);
	const char *parts[] = {ellipsis(terminal), tail(terminal, name, end)};

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(out);

		columns += columns_copy(terminal, parts[i], width - columns, out + n, size - n);
	}
	return columns;
}

/* Returns a copy of the name without template arguments, which the caller frees; NULL if it has
 * none or memory is out. */
static char *without_arguments(const struct terminal_text *terminal, const char *name)
{
	size_t n = 0;
	char *shorter;

	for (const char *at = name; *at; at++)
		n += *at == '<';
	shorter = n ? malloc(strlen(name) + strlen(ellipsis(terminal)) * n + 1) : NULL;
	if (shorter)
		drop_arguments(name, ellipsis(terminal), shorter);
	return shorter;
}

size_t columns_copy_name(const struct terminal_text *terminal, const char *name, size_t width,
			 char *out, size_t size)
{
	char *shorter;
	size_t columns;

	if (columns_count(terminal, name) <= width || width < 2)
		return columns_copy(terminal, name, width, out, size);
	shorter = without_arguments(terminal, name);
	if (shorter)
		name = shorter;
	columns = columns_count(terminal, name) <= width
			  ? columns_copy(terminal, name, width, out, size)
			  : copy_ends(terminal, name, width, out, size);
	free(shorter);
	return columns;
}
