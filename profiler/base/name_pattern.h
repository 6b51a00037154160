/* SPDX-License-Identifier: MIT */
/* Patterns of program names, as people type them for a shell. Any thread, signal-safe; no locale,
 * no allocation. */
#pragma once
#include <stdbool.h>

/* True if one of the patterns in `list`, which are separated by commas, matches all of `name`. In a
 * pattern * stands for any characters, ? for one, [a-z] and [!a-z] for one of a set, and a
 * backslash takes the next character as it is. What is before a pattern's last slash does not
 * count. An empty pattern matches nothing. Takes at most as many steps as the product of both
 * lengths. */
bool hp_name_pattern_matches(const char *list, const char *name);
