/* SPDX-License-Identifier: MIT */
/* Regular expressions that come with a profile, from anywhere. Those of the C library can take any
 * time and memory, and all of the stack; these take as much as they and the texts are long. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

#define PATTERN_BYTES_MAX  16384
#define PATTERN_NESTED_MAX 64

struct pattern_op;

struct pattern { /* all zeroes: matches nothing */
	VEC(struct pattern_op) ops;
	VEC(uint32_t) now, next; /* states that a text is in, and will be */
	VEC(uint32_t) seen;      /* for each op, when it was last made a state */
	uint32_t step;
	uint64_t steps_left;
};

enum {
	PATTERN_E_SYNTAX = 1, /* no expression, or one that is too large */
};

/* Compiles a POSIX extended regular expression; {n}, back references and [.x.] are not known.
 * 0, PATTERN_E_SYNTAX or -ENOMEM; also on failure pattern_deinit() is to be called. */
int pattern_init(struct pattern *pattern, const char *text);
void pattern_deinit(struct pattern *pattern);

/* Whether it matches the whole of the text; also false where text upon text has cost too much. */
bool pattern_matches(struct pattern *pattern, const char *text);
