/* SPDX-License-Identifier: MIT */
#include "base/columns.h"

#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/short_name.h"
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

/* Returns the columns of a character of UTF-8, whatever the locale of the program is. */
static int width_of(uint32_t code)
{
	static locale_t utf8;
	locale_t before;
	int width;

	if (!utf8)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (!utf8)
		return wcwidth((wchar_t)code);
	before = uselocale(utf8);
	width = wcwidth((wchar_t)code);
	uselocale(before);
	return width;
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
	width = terminal->is_utf8 ? width_of(decode(text, n)) : 0;
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

size_t columns_copy_end(const struct terminal_text *terminal, const char *text, size_t width,
			char *out, size_t size)
{
	size_t columns, n;

	if (columns_count(terminal, text) <= width || width < 2)
		return columns_copy(terminal, text, width, out, size);
	columns = columns_copy(terminal, ellipsis(terminal), 1, out, size);
	n = strlen(out);
	return columns + columns_copy(terminal, tail(terminal, text, width - 1), width - 1, out + n,
				      size - n);
}

size_t columns_copy_name(const struct terminal_text *terminal, const char *name, size_t width,
			 char *out, size_t size)
{
	static const size_t lists_max[] = {SHORT_NAME_LIST_MAX, 0};
	char *shorter = NULL;
	size_t columns;

	if (width < 2)
		return columns_copy(terminal, name, width, out, size);
	for (size_t i = 0; i < 2; i++) {
		const char *known = shorter ? shorter : name;
		char *next;

		if (columns_count(terminal, known) <= width)
			break;
		next = short_name_with(name, lists_max[i], ellipsis(terminal));
		if (next) {
			free(shorter);
			shorter = next;
		}
	}
	name = shorter ? shorter : name;
	columns = columns_count(terminal, name) <= width
			  ? columns_copy(terminal, name, width, out, size)
			  : copy_ends(terminal, name, width, out, size);
	free(shorter);
	return columns;
}
