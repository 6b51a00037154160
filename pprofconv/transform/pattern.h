/* SPDX-License-Identifier: MIT */
/* A pattern is a regular expression that comes with a profile, from an untrusted source.
 * Expressions of the C library can take any time and memory, and all of the stack; what a pattern
 * takes is bounded by its size and that of the texts. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

#define PATTERN_BYTES_MAX  16384
#define PATTERN_NESTED_MAX 64

struct pattern_op;

struct pattern { /* all zeroes: matches nothing */
	VEC(struct pattern_op) ops;
	VEC(uint32_t) now, next; /* states that a text is in, and those after its next character */
	VEC(uint32_t) seen;      /* for each op, the step in which it was last made a state */
	uint32_t step;
	uint64_t steps_left;
};

enum {
	PATTERN_E_SYNTAX = 1, /* an invalid expression, or one that is too large */
};

/* Compiles a POSIX extended regular expression; {n}, back references and [.x.] are not supported.
 * Returns 0, PATTERN_E_SYNTAX or -ENOMEM; call pattern_deinit() on failure too. */
int pattern_init(struct pattern *pattern, const char *text);
void pattern_deinit(struct pattern *pattern);

/* Whether the pattern matches the whole of the text; also false once all texts together have cost
 * too much. */
bool pattern_matches(struct pattern *pattern, const char *text);
