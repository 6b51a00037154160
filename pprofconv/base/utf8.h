/* SPDX-License-Identifier: MIT */
/* Text from dumps may hold any byte; formats that we write hold UTF-8 only. */
#pragma once
#include <stddef.h>

/* The size of the well-formed UTF-8 sequence at `text`, 1 to 4 bytes; 0 if there is none, or a NUL.
 */
size_t utf8_sequence(const char *text, size_t size);

/* Whether all `size` bytes are well-formed UTF-8 without NUL. */
int utf8_is_valid(const char *text, size_t size);

/* A copy, ended by a NUL, in which U+FFFD stands for each byte that is not; NULL if memory is out.
 * The caller frees it. */
char *utf8_repair(const char *text, size_t size);
