/* SPDX-License-Identifier: MIT */
/* A name pattern is matched against names of programs, with the syntax of a shell. It does not
 * depend on the locale. Any thread; signal-safe: yes; may allocate: no. */
#pragma once
#include <stdbool.h>

/* Returns true if one of the patterns in `list`, which are separated by commas, matches the whole
 * of `name`. In a pattern * matches any characters, ? one character, [a-z] and [!a-z] one of a set,
 * and a backslash makes the next character literal. The part up to a pattern's last slash is
 * ignored. An empty pattern matches nothing. The number of steps is at most the product of both
 * lengths. */
bool hp_name_pattern_matches(const char *list, const char *name);
