/* SPDX-License-Identifier: MIT */
/* A suppression is a known and accepted leak. A list of suppressions has LeakSanitizer's format:
 *
 *	# reason
 *	leak:pattern
 *
 * A pattern matches anywhere in the name of a function, a source file or a module. `*` matches any
 * text, `^` and `$` match the beginning and the end of the name. */
#pragma once
#include <stdbool.h>

#include "base/diag.h"
#include "base/input.h"
#include "base/vec.h"

enum {
	SUPPRESSIONS_E_SYNTAX = 40,
};

struct suppressions { /* all zeroes: no patterns */
	VEC(char *) patterns;
};

/* Adds the patterns of a file. Returns 0, -ENOMEM, an error in reading the input, or
 * SUPPRESSIONS_E_SYNTAX. Every error has a message in `diag`. */
int suppressions_read(struct suppressions *suppressions, struct input *input, struct diag *diag);
void suppressions_deinit(struct suppressions *suppressions);

/* Returns whether any pattern matches the text. */
bool suppressions_match(const struct suppressions *suppressions, const char *text);
