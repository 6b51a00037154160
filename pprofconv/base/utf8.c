/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* Indexed by the size of a sequence: the bits of the first byte that encode this size, and their
 * value. */
static const struct {
	uint8_t mask, value;
	uint32_t min; /* smaller code points have shorter sequences */
} leads[] = {
	{0}, {0x80, 0x00, 1}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000},
};

static int is_sequence(const unsigned char *bytes, size_t size)
{
	uint32_t code = bytes[0] & (uint8_t)~leads[size].mask;

	if ((bytes[0] & leads[size].mask) != leads[size].value)
		return 0;
	for (size_t i = 1; i < size; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (bytes[i] & 0x3f);
	}
	return code >= leads[size].min && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

size_t utf8_sequence(const char *text, size_t size)
{
	for (size_t n = 1; n <= 4 && n <= size; n++)
		if (is_sequence((const unsigned char *)text, n))
			return n;
	return 0;
}

/* Returns whether a sequence of three bytes is U+202A to U+202E or U+2066 to U+2069. These change
 * the order in which a terminal shows the characters after them. */
static int is_bidi_control(const unsigned char *bytes)
{
	return bytes[0] == 0xe2 && ((bytes[1] == 0x80 && bytes[2] >= 0xaa && bytes[2] <= 0xae) ||
				    (bytes[1] == 0x81 && bytes[2] >= 0xa6 && bytes[2] <= 0xa9));
}

/* The control characters U+0080 to U+009F, which terminals obey as well, take two bytes. */
size_t utf8_printable(const char *text, size_t size)
{
	size_t n = utf8_sequence(text, size);
	unsigned char first = n ? (unsigned char)text[0] : 0;

	if (first < ' ' || first == 0x7f || (first == 0xc2 && (unsigned char)text[1] < 0xa0))
		return 0;
	if (n == 3 && is_bidi_control((const unsigned char *)text))
		return 0;
	return n;
}

void utf8_print(const char *text, FILE *stream)
{
	size_t left = strlen(text);

	while (left) {
		size_t n = utf8_printable(text, left), step = n ? n : 1;

		fwrite(n ? text : "?", 1, step, stream);
		text += step;
		left -= step;
	}
}

int utf8_is_valid(const char *text, size_t size)
{
	while (size) {
		size_t n = utf8_sequence(text, size);

		if (!n)
			return 0;
		text += n;
		size -= n;
	}
	return 1;
}

char *utf8_repair(const char *text, size_t size)
{
	size_t most;
	char *repaired, *to;

	if (__builtin_mul_overflow(size, strlen(REPLACEMENT), &most) ||
	    __builtin_add_overflow(most, 1, &most))
		return NULL;
	repaired = to = malloc(most);
	while (repaired && size) {
		size_t n = utf8_sequence(text, size);

		to = n ? mempcpy(to, text, n) : stpcpy(to, REPLACEMENT);
		n = n ? n : 1;
		text += n;
		size -= n;
	}
	if (to)
		*to = '\0';
	return repaired;
}
