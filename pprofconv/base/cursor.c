/* SPDX-License-Identifier: MIT */
#include "base/cursor.h"

#define X (-1)
/* clang-format off */
const int8_t cursor_hex_digits[256] = {
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, X, X, X, X, X, X,
	X,10,11,12,13,14,15, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X,10,11,12,13,14,15, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
};
/* clang-format on */
#undef X

uint64_t cursor_take_decimal(struct cursor *cursor)
{
	const char *at = cursor->at;
	uint64_t value = 0;
	bool overflow = false;

	for (; at < cursor->end && *at >= '0' && *at <= '9'; at++) {
		overflow |= __builtin_mul_overflow(value, 10, &value);
		overflow |= __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value);
	}
	if (at == cursor->at || overflow)
		cursor->failed = true;
	cursor->at = at;
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
	const char *found = NULL;

	if (!cursor_at_end(cursor)) /* an empty text may be NULL */
		found = memmem(cursor->at, cursor_left(cursor), text, strlen(text));
	if (found)
		cursor->at = found;
	return found != NULL;
}

bool cursor_is_text(struct cursor cursor)
{
	for (; !cursor_at_end(&cursor); cursor.at++)
		if ((unsigned char)*cursor.at < ' ' && !cursor_is_space((unsigned char)*cursor.at))
			return false;
	return true;
}
