/* SPDX-License-Identifier: MIT */
/* utf8 checks, prints and repairs text that may not be UTF-8: text from dumps may hold any byte,
 * but the formats that we write hold UTF-8 only. */
#pragma once
#include <stddef.h>
#include <stdio.h>

/* Returns the size of the well-formed UTF-8 sequence at `text`, 1 to 4 bytes, or 0 if there is no
 * such sequence or the first byte is NUL. */
size_t utf8_sequence(const char *text, size_t size);

/* Same as utf8_sequence(), but also returns 0 for control characters, those that change the
 * direction of text included. All other characters may be printed on a terminal. */
size_t utf8_printable(const char *text, size_t size);

/* Prints the text on one line: unprintable bytes become '?'. */
void utf8_print(const char *text, FILE *stream);

/* Returns whether all `size` bytes are well-formed UTF-8 without NUL. */
int utf8_is_valid(const char *text, size_t size);

/* Returns a copy of the text with U+FFFD in place of each invalid byte and a NUL at the end, or
 * NULL if memory is out. The caller frees the copy. */
char *utf8_repair(const char *text, size_t size);
