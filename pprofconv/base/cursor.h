/* SPDX-License-Identifier: MIT */
/* A cursor is a position in untrusted text, and the end of that text. The functions here never read
 * beyond the end. To take text is to return it, or its value, and to move the cursor past it. A
 * function that does not find the text that it must take sets `failed`. Nothing clears `failed`, so
 * a parser can call many functions and check it once. Pass a cursor by value to leave the caller's
 * cursor unchanged. */
#pragma once
#include <endian.h>
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

/* Returns the next byte without taking it, or -1 at the end. */
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

/* If the next byte is `c`, takes it and returns true; otherwise returns false. */
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

/* If `text` comes next, takes it and returns true; otherwise returns false. */
static inline bool cursor_accept_text(struct cursor *cursor, const char *text)
{
	if (!cursor_starts_with(cursor, text))
		return false;
	cursor->at += strlen(text);
	return true;
}

extern const int8_t cursor_hex_digits[256];

/* Returns the value of a hexadecimal digit, or -1 if `c` is not one. */
static inline int cursor_hex_digit(int c)
{
	return c < 0 ? -1 : cursor_hex_digits[c];
}

/* Takes decimal digits and returns their value. Sets `failed` if there are no digits, or if the
 * value overflows. */
uint64_t cursor_take_decimal(struct cursor *cursor);
int64_t cursor_take_signed(struct cursor *cursor); /* a '-' may come first */

/* A word whose 8 bytes are all equal to `byte`. */
#define CURSOR_EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Returns how many hexadecimal digits the 8 bytes at `bytes` begin with, 0 to 8, and sets
 * *out_value to their value, unless there are none. All 8 bytes are checked at once, as parts of
 * one word: for a byte c below 0x80, the high bit of c + 0x80 - '0' is set if c is at least '0'.
 * The other bounds are checked in the same way. */
static inline unsigned cursor_hex_word(const char *bytes, uint64_t *out_value)
{
	uint64_t word, low, lower, is_digit, is_letter, value;
	unsigned n;

	memcpy(&word, bytes, sizeof(word));
	word = le64toh(word);
	low = word & CURSOR_EACH(0x7f);
	lower = low | CURSOR_EACH(0x20);
	is_digit = (low + CURSOR_EACH(0x80 - '0')) & ~(low + CURSOR_EACH(0x7f - '9'));
	is_letter = (lower + CURSOR_EACH(0x80 - 'a')) & ~(lower + CURSOR_EACH(0x7f - 'f'));
	word = ~((is_digit | is_letter) & ~word) & CURSOR_EACH(0x80);
	n = word ? (unsigned)__builtin_ctzll(word) / 8 : 8;
	if (!n)
		return 0;
	value = (low & CURSOR_EACH(0x0f)) + (low >> 6 & CURSOR_EACH(1)) * 9;
	value = __builtin_bswap64(value) >> (64 - 8 * n); /* the last digit is the lowest byte */
	value = (value | value >> 4) & UINT64_C(0x00ff00ff00ff00ff);
	value = (value | value >> 8) & UINT64_C(0x0000ffff0000ffff);
	*out_value = (value | value >> 16) & UINT64_C(0xffffffff);
	return n;
}

/* Takes hexadecimal digits, without 0x, and returns their value. Sets `failed` as
 * cursor_take_decimal() does. The function is inline and takes 8 digits at a time, because most of
 * a large dump is addresses. */
static inline uint64_t cursor_take_hex(struct cursor *cursor)
{
	const char *at = cursor->at;
	uint64_t value = 0, lost = 0; /* `lost`: the bits shifted out of `value` */
	unsigned n = 8;
	int digit;

	while (n == 8 && cursor->end - at >= 8) {
		uint64_t digits = 0;

		n = cursor_hex_word(at, &digits);
		if (!n)
			break;
		lost |= value >> (64 - 4 * n);
		value = value << 4 * n | digits;
		at += n;
	}
	for (; at < cursor->end && (digit = cursor_hex_digits[(unsigned char)*at]) >= 0; at++) {
		lost |= value >> 60;
		value = value << 4 | (unsigned)digit;
	}
	if (at == cursor->at || lost)
		cursor->failed = true;
	cursor->at = at;
	return value;
}

/* Takes and returns the text before the next space or the end. It may be empty. */
struct cursor cursor_take_word(struct cursor *cursor);

/* Returns whether the text up to the end has no bytes below ' ' other than white space (\t to
 * \r). */
bool cursor_is_text(struct cursor cursor);

/* Moves the end of the text to before any spaces and line ends there. */
void cursor_trim_end(struct cursor *cursor);

/* Returns whether the text up to the end is exactly `text`. */
static inline bool cursor_equals(const struct cursor *cursor, const char *text)
{
	return cursor_left(cursor) == strlen(text) && cursor_starts_with(cursor, text);
}

/* Moves the cursor to the first occurrence of `text` and returns true. If there is none, leaves the
 * cursor unchanged and returns false. */
bool cursor_find(struct cursor *cursor, const char *text);
