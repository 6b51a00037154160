/* SPDX-License-Identifier: MIT */
/* A name pattern matches names of programs, in the syntax of a shell. It does not depend on the
 * locale. Any thread; signal-safe: yes; may allocate: no. */
#pragma once
#include <stdbool.h>

/* Returns true if one of the patterns in `list`, which are separated by commas, matches all of
 * `name`. In a pattern * matches any characters, ? one character, [a-z] and [!a-z] one of a set,
 * and a backslash makes the next character literal. Everything up to the last slash of a pattern is
 * ignored. An empty pattern matches nothing. Takes at most as many steps as the product of both
 * lengths. */
bool hp_name_pattern_matches(const char *list, const char *name);
