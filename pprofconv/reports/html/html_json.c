/* SPDX-License-Identifier: MIT */
#include "reports/html/html_json.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd"

/* Returns whether the three bytes are U+2028 or U+2029, which end a line in JavaScript, or U+200E
 * or U+200F, which change the direction of text. */
static bool is_separator(const char *text, size_t size)
{
	return size == 3 &&
	       (memcmp(text, "\xe2\x80\xa8", 3) == 0 || memcmp(text, "\xe2\x80\xa9", 3) == 0 ||
		memcmp(text, "\xe2\x80\x8e", 3) == 0 || memcmp(text, "\xe2\x80\x8f", 3) == 0);
}

/* Calls `escape` for each character that is one of `special`, and writes the others. */
static void write_text(struct output *output, const char *text, const char *special,
		       void (*escape)(struct output *output, char character))
{
	size_t left = strlen(text);

	while (left) {
		size_t n = utf8_printable(text, left), whole = utf8_sequence(text, left);

		if (!n || is_separator(text, n))
			output_text(output, REPLACEMENT);
		else if (n == 1 && strchr(special, *text))
			escape(output, *text);
		else
			output_write(output, text, n);
		text += whole ? whole : 1;
		left -= whole ? whole : 1;
	}
}

static void escape_json(struct output *output, char character)
{
	output_printf(output, "\\u%04x", (unsigned)character);
}

static void escape_markup(struct output *output, char character)
{
	output_printf(output, "&#%d;", character);
}

void html_json_text(struct output *output, const char *text)
{
	output_text(output, "\"");
	write_text(output, text, "\"\\<>&'`", escape_json);
	output_text(output, "\"");
}

void html_json_markup(struct output *output, const char *text)
{
	write_text(output, text, "<>&\"'", escape_markup);
}

void html_json_integer(struct output *output, int64_t number)
{
	char digits[24], *at = digits + sizeof(digits);
	uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;

	do
		*--at = (char)('0' + left % 10);
	while (left /= 10);
	if (number < 0)
		*--at = '-';
	output_write(output, at, (size_t)(digits + sizeof(digits) - at));
}
