/* SPDX-License-Identifier: MIT */
/* Lists of leaks that are known and put up with, in LeakSanitizer's form:
 *
 *	# why
 *	leak:pattern
 *
 * A pattern is found anywhere in the name of a function, a source file or a module; `*` stands for
 * anything, `^` and `$` for its beginning and end. */
#pragma once
#include <stdbool.h>

#include "base/diag.h"
#include "base/input.h"
#include "base/vec.h"

enum {
	SUPPRESSIONS_E_SYNTAX = 40,
};

struct suppressions { /* all zeroes: none */
	VEC(char *) patterns;
};

/* Adds the patterns of a file. 0, -ENOMEM, what reading failed with, or SUPPRESSIONS_E_SYNTAX;
 * always with a message. */
int suppressions_read(struct suppressions *suppressions, struct input *input, struct diag *diag);
void suppressions_deinit(struct suppressions *suppressions);

/* Whether any pattern is found in the text. */
bool suppressions_match(const struct suppressions *suppressions, const char *text);
