/* SPDX-License-Identifier: MIT */
/* An input consists of parts. A part ends at a line "%%", or at the end of the input. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct part {
	const uint8_t *data;
	size_t size;
};

/* Removes the next part from `rest` and returns it. */
static inline struct part part_take(struct part *rest)
{
	static const char separator[] = "\n%%\n";
	const uint8_t *found = NULL;
	struct part part = *rest;

	if (rest->size)
		found = memmem(rest->data, rest->size, separator, strlen(separator));
	if (found)
		part.size = (size_t)(found - rest->data);
	rest->size -= part.size + (found ? strlen(separator) : 0);
	rest->data += part.size + (found ? strlen(separator) : 0);
	return part;
}

/* Removes the next part from `rest` and copies it to `out` as text, cut to `size` bytes with the
 * terminating zero. */
static inline void part_text(struct part *rest, char *out, size_t size)
{
	struct part part = part_take(rest);
	size_t n = part.size < size - 1 ? part.size : size - 1;

	if (n)
		memcpy(out, part.data, n);
	out[n] = '\0';
}
