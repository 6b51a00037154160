/* SPDX-License-Identifier: MIT */
/* An input consists of several parts, each ended by a line "%%" or the end of the input. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct part {
	const uint8_t *data;
	size_t size;
};

/* Takes the next part off `rest`. */
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

/* Takes the next part off `rest` as text into `out`, cut to its size. */
static inline void part_text(struct part *rest, char *out, size_t size)
{
	struct part part = part_take(rest);
	size_t n = part.size < size - 1 ? part.size : size - 1;

	if (n)
		memcpy(out, part.data, n);
	out[n] = '\0';
}
