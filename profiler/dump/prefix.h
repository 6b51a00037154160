/* SPDX-License-Identifier: MIT */
/* A prefix is what a user gives as the beginning of the dumps' names. This module takes it, and
 * expands it for this process. */
#pragma once
#include "base/text.h"

/* Takes a prefix with %p, %e, %h, %t and %% in it. Makes a relative one absolute; appends the
 * program's name to one that ends with a slash, or is a folder now. Returns false, with a message,
 * if the result is too long or the current folder has no path. Call where calling the C library is
 * safe. */
bool hp_prefix_set(const char *prefix);

/* Returns the prefix as it was taken: absolute, not expanded. */
const char *hp_prefix_pattern(void);

/* Appends the prefix, expanded: differently in a fork child, if %p is in it. Any thread;
 * signal-safe: yes; may allocate: no. */
void hp_prefix_put(struct hp_text *t);
bool hp_prefix_has_pid(void);
