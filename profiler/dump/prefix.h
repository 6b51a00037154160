/* SPDX-License-Identifier: MIT */
/* What a user gives as the beginning of the dumps' names, and what it is in this process. */
#pragma once
#include "base/text.h"

/* Takes a prefix, with %p %e %h %t %% still in it. A relative one is made absolute; one that ends
 * with a slash, or is a folder now, gets the program's name. False, and said why, if it is too long
 * or the current folder has no path. Call where the C library may be called. */
bool hp_prefix_set(const char *prefix);

/* As it was taken: absolute, not expanded. */
const char *hp_prefix_pattern(void);

/* Appends it expanded. A fork child has another, if %p is in it. Any thread, signal-safe. */
void hp_prefix_put(struct hp_text *t);
bool hp_prefix_has_pid(void);
