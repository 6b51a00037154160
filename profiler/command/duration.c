/* SPDX-License-Identifier: MIT */
#include "command/duration.h"

#include <string.h>

#include "base/cursor.h"

#define SECONDS_MAX 1000000000 /* what the library takes */

/* duration = digits [ "s" | "m" | "h" | "d" ] */
bool duration_parse(const char *text, uint64_t *out_seconds)
{
	static const struct {
		char letter;
		uint32_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	struct cursor cursor = cursor_make(text, strlen(text));
	uint64_t value = cursor_take_decimal(&cursor), factor = 1;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!cursor.failed && cursor_accept(&cursor, units[i].letter)) {
			factor = units[i].seconds;
			break;
		}
	if (cursor.failed || !cursor_at_end(&cursor) ||
	    __builtin_mul_overflow(value, factor, &value) || !value || value > SECONDS_MAX)
		return false;
	*out_seconds = value;
	return true;
}
