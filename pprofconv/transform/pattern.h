/* SPDX-License-Identifier: MIT */
/* A pattern is a regular expression that comes with a profile, and so from an untrusted source. The
 * C library's regular expressions may take any amount of time and memory, and overflow the stack.
 * What a pattern takes is bounded by its size and the sizes of the texts. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

#define PATTERN_BYTES_MAX  16384
#define PATTERN_NESTED_MAX 64

struct pattern_op;

struct pattern { /* all zeroes: matches nothing */
	VEC(struct pattern_op) ops;
	VEC(uint32_t) now, next; /* the current states, and those after the next character */
	VEC(uint32_t) seen;      /* for each op, the step in which it was last made a state */
	uint32_t step;
	/* The budget of steps that matching may still take. */
	uint64_t steps_left;
};

enum {
	PATTERN_E_SYNTAX = 1, /* an invalid expression, or one that is too large */
};

/* Compiles a POSIX extended regular expression; {n}, back references and [.x.] are not supported.
 * Returns 0, PATTERN_E_SYNTAX or -ENOMEM; call pattern_deinit() on failure too. */
int pattern_init(struct pattern *pattern, const char *text);
void pattern_deinit(struct pattern *pattern);

/* Returns whether the pattern matches the whole text. Also returns false if all texts together have
 * taken too many steps. */
bool pattern_matches(struct pattern *pattern, const char *text);
