/* SPDX-License-Identifier: MIT */
#include "base/cursor.h"

uint64_t cursor_take_decimal(struct cursor *cursor)
{
	const char *first = cursor->at;
	uint64_t value = 0;
	bool overflow = false;

	for (int c = cursor_peek(cursor); c >= '0' && c <= '9'; c = cursor_peek(cursor)) {
		overflow |= __builtin_mul_overflow(value, 10, &value);
		overflow |= __builtin_add_overflow(value, c - '0', &value);
		cursor->at++;
	}
	if (cursor->at == first || overflow)
		cursor->failed = true;
	return value;
}

int64_t cursor_take_signed(struct cursor *cursor)
{
	bool is_negative = cursor_accept(cursor, '-');
	uint64_t magnitude = cursor_take_decimal(cursor);

	if (magnitude > (uint64_t)INT64_MAX + is_negative) {
		cursor->failed = true;
		return 0;
	}
	return (int64_t)(is_negative ? -magnitude : magnitude);
}

uint64_t cursor_take_hex(struct cursor *cursor)
{
	const char *first = cursor->at;
	uint64_t value = 0;
	uint64_t lost = 0; /* the bits that were shifted out */

	for (int digit; (digit = cursor_hex_digit(cursor_peek(cursor))) >= 0; cursor->at++) {
		lost |= value >> 60;
		value = value << 4 | (unsigned)digit;
	}
	if (cursor->at == first || lost)
		cursor->failed = true;
	return value;
}

struct cursor cursor_take_word(struct cursor *cursor)
{
	struct cursor word = {.at = cursor->at};

	while (cursor->at < cursor->end && !cursor_is_space((unsigned char)*cursor->at))
		cursor->at++;
	word.end = cursor->at;
	return word;
}

void cursor_trim_end(struct cursor *cursor)
{
	while (cursor->end > cursor->at && cursor_is_space((unsigned char)cursor->end[-1]))
		cursor->end--;
}

bool cursor_find(struct cursor *cursor, const char *text)
{
	const char *found = memmem(cursor->at, cursor_left(cursor), text, strlen(text));

	if (found)
		cursor->at = found;
	return found != NULL;
}
