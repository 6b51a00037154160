/* SPDX-License-Identifier: MIT */
/* A place in a piece of text that was read from outside, and its end. Nothing reads beyond the end,
 * and what does not find what it was told to take sets `failed`, which stays: a parser takes all it
 * wants and asks once. A cursor is passed by value where the caller's is to stay as it is. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const char *at;
	const char *end;
	bool failed;
};

static inline struct cursor cursor_make(const void *data, size_t size)
{
	return (struct cursor){.at = data, .end = size ? (const char *)data + size : data};
}

static inline size_t cursor_left(const struct cursor *cursor)
{
	return (size_t)(cursor->end - cursor->at);
}

static inline bool cursor_at_end(const struct cursor *cursor)
{
	return cursor->at == cursor->end;
}

/* The next byte, or -1 at the end; takes nothing. */
static inline int cursor_peek(const struct cursor *cursor)
{
	return cursor->at < cursor->end ? (unsigned char)*cursor->at : -1;
}

static inline bool cursor_is_space(int c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline void cursor_skip_spaces(struct cursor *cursor)
{
	while (cursor_is_space(cursor_peek(cursor)))
		cursor->at++;
}

/* Takes the byte c if it is the next. */
static inline bool cursor_accept(struct cursor *cursor, char c)
{
	if (cursor->at == cursor->end || *cursor->at != c)
		return false;
	cursor->at++;
	return true;
}

static inline void cursor_expect(struct cursor *cursor, char c)
{
	if (!cursor_accept(cursor, c))
		cursor->failed = true;
}

static inline bool cursor_starts_with(const struct cursor *cursor, const char *text)
{
	size_t size = strlen(text);

	return cursor_left(cursor) >= size && memcmp(cursor->at, text, size) == 0;
}

/* Takes `text` if it comes next. */
static inline bool cursor_accept_text(struct cursor *cursor, const char *text)
{
	if (!cursor_starts_with(cursor, text))
		return false;
	cursor->at += strlen(text);
	return true;
}

extern const int8_t cursor_hex_digits[256];

/* The value of a hexadecimal digit, or -1. */
static inline int cursor_hex_digit(int c)
{
	return c < 0 ? -1 : cursor_hex_digits[c];
}

/* Takes digits and returns their number; fails if there is none or if it passes the type. */
uint64_t cursor_take_decimal(struct cursor *cursor);
int64_t cursor_take_signed(struct cursor *cursor); /* a '-' may come first */

/* The same of hexadecimal digits, without 0x. Inline: a large dump is addresses for the most part.
 */
static inline uint64_t cursor_take_hex(struct cursor *cursor)
{
	const char *at = cursor->at;
	uint64_t value = 0, lost = 0; /* the bits that were shifted out */
	int digit;

	for (; at < cursor->end && (digit = cursor_hex_digits[(unsigned char)*at]) >= 0; at++) {
		lost |= value >> 60;
		value = value << 4 | (unsigned)digit;
	}
	if (at == cursor->at || lost)
		cursor->failed = true;
	cursor->at = at;
	return value;
}

/* Takes what comes before the next space or the end; may be empty. */
struct cursor cursor_take_word(struct cursor *cursor);

/* Drops spaces at the end. */
void cursor_trim_end(struct cursor *cursor);

/* Whether the whole of what is left is `text`. */
static inline bool cursor_equals(const struct cursor *cursor, const char *text)
{
	return cursor_left(cursor) == strlen(text) && cursor_starts_with(cursor, text);
}

/* Moves to the first place where `text` stands; false, and nothing moved, if it stands nowhere. */
bool cursor_find(struct cursor *cursor, const char *text);
