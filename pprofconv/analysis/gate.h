/* SPDX-License-Identifier: MIT */
/* Rules that a diff must keep: how much the total, or any one function, may grow. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "analysis/diff.h"
#include "base/diag.h"

enum {
	GATE_E_SYNTAX = 41,
};

struct gate {
	const char *text;  /* as it was given */
	char type[64];     /* of the values */
	double limit;      /* a part of the base, or a number of bytes or objects */
	bool is_percent;   /* which of both */
	bool per_function; /* each function's flat value, instead of the total */
};

struct gate_options {
	double confidence; /* how sure it must be that a limit was passed, such as 0.95 */
	bool is_strict;    /* the estimate itself is enough */
};

struct gate_failure {
	uint32_t row; /* of the diff, or PROFILE_NONE for the total */
	double p;     /* as one of all the tests of its gate */
};

/* What a gate that passed would have seen. */
struct gate_power {
	double growth;        /* 4 times in 5, of the total or of a function; infinite: none */
	double fine_interval; /* a sample interval, in bytes, that would show more; 0: none would */
	double fine_growth;   /* the same at that */
};

struct gate_result {
	const struct gate *gate;
	const struct diff *diff; /* what was judged */
	VEC(struct gate_failure) failures;
	size_t n_tests;
	size_t n_too_few; /* functions, or the total, of which too few samples say how many objects
			     they have */
	bool has_power;   /* it passed, and there is an error that may have hidden growth */
	struct gate_power power;
};

/* gate = type "=" limit; limit = number [ "%" | "K" | "M" | "G" ]. `text` must outlive the gate. 0,
 * or GATE_E_SYNTAX with a message. */
int gate_parse(struct gate *gate, const char *text, bool per_function, struct diag *diag);

/* It fails where `new - factor * base - limit` is above 0, by more than chance. */
double gate_factor(const struct gate *gate);
double gate_limit(const struct gate *gate);

/* Judges a diff of the gate's type, which must outlive the result. Of the functions, all that have
 * a sample on either side are tested; Holm's procedure keeps the chance that any of them fails
 * which truly has not grown so much below 1 - confidence. 0 or -ENOMEM; also on failure
 * gate_result_deinit() is to be called. */
int gate_judge(struct gate_result *result, const struct gate *gate, const struct diff *diff,
	       const struct gate_options *options);
void gate_result_deinit(struct gate_result *result);
