/* SPDX-License-Identifier: MIT */
/* Columns are the cells of a line of a terminal. Text from a process is written into them without
 * control characters, and shortened where it is too long. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum {
	COLUMNS_MAX = 1024,
	COLUMNS_BYTES = 4 * COLUMNS_MAX + 1, /* of a line, with its NUL */
};

/* The characters that a terminal can show. */
struct terminal_text {
	bool is_utf8;
	int width; /* columns; 0: not limited */
};

/* Returns how many columns a text takes. Unprintable bytes take one each. */
size_t columns_count(const struct terminal_text *terminal, const char *text);

/* Copies the beginning of a text that fits into `width` columns and `size` bytes. Unprintable
 * bytes, and characters that the terminal has not, become '?'. Returns the columns that it takes.
 */
size_t columns_copy(const struct terminal_text *terminal, const char *text, size_t width, char *out,
		    size_t size);

/* Does the same for the end of a text: a text that is too long loses its beginning. */
size_t columns_copy_end(const struct terminal_text *terminal, const char *text, size_t width,
			char *out, size_t size);

/* Does the same for the name of a function. A name that is too long loses its long argument lists,
 * then all of them, then its middle. */
size_t columns_copy_name(const struct terminal_text *terminal, const char *name, size_t width,
			 char *out, size_t size);
