/* SPDX-License-Identifier: MIT */
/* Text from dumps may hold any byte; formats that we write hold UTF-8 only. */
#pragma once
#include <stddef.h>
#include <stdio.h>

/* The size of the well-formed UTF-8 sequence at `text`, 1 to 4 bytes; 0 if there is none, or a NUL.
 */
size_t utf8_sequence(const char *text, size_t size);

/* The size of the character at `text` as a terminal may have it: 0 for control characters too, and
 * where there is no UTF-8. */
size_t utf8_printable(const char *text, size_t size);

/* Prints the text in one line: '?' stands for each byte that is not printable. */
void utf8_print(const char *text, FILE *stream);

/* Whether all `size` bytes are well-formed UTF-8 without NUL. */
int utf8_is_valid(const char *text, size_t size);

/* A copy, ended by a NUL, in which U+FFFD stands for each byte that is not; NULL if memory is out.
 * The caller frees it. */
char *utf8_repair(const char *text, size_t size);
