/* SPDX-License-Identifier: MIT */
/* A prefix is the beginning of the names of dumps, as the user gives it. These functions store it,
 * and expand it for this process. */
#pragma once
#include "base/text.h"

/* Stores a prefix, which may contain %p, %e, %h, %t and %%. A relative prefix is made absolute. If
 * the prefix ends with a slash, or is an existing folder, the program's name is appended. Returns
 * false and reports why if the result is too long or the current folder has no path. Call it where
 * calling the C library is safe. */
bool hp_prefix_set(const char *prefix);

/* Returns the prefix as it was stored: absolute, not expanded. */
const char *hp_prefix_pattern(void);

/* Appends the expanded prefix. If it contains %p, a fork child expands it differently. Any thread;
 * signal-safe: yes; may allocate: no. */
void hp_prefix_put(struct hp_text *t);
bool hp_prefix_has_pid(void);
