/* SPDX-License-Identifier: MIT */
/* A gate is a limit on how much the total of a diff, or any one function, may grow. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "analysis/diff.h"
#include "base/diag.h"

enum {
	GATE_E_SYNTAX = 41,
};

struct gate {
	const char *text;  /* as given */
	char type[64];     /* of the values */
	double limit;      /* a part of the base, or a number of bytes or objects */
	bool is_percent;   /* whether the limit is a part of the base */
	bool per_function; /* judge the flat value of each function, instead of the total */
};

struct gate_options {
	double confidence; /* required confidence that a limit was exceeded, such as 0.95 */
	bool is_strict;    /* the estimates decide, whatever their errors */
};

struct gate_failure {
	uint32_t row; /* of the diff, or PROFILE_NONE for the total */
	double p;     /* adjusted for all tests of the gate */
};

/* The growth that a gate that passed would have seen. */
struct gate_power {
	double growth;        /* seen 4 times in 5, of the total or of a function; infinite: none */
	double fine_interval; /* a sample interval, in bytes, that would show more; 0: none would */
	double fine_growth;   /* the growth at that interval */
};

struct gate_result {
	const struct gate *gate;
	const struct diff *diff; /* what was judged */
	VEC(struct gate_failure) failures;
	size_t n_tests;
	size_t n_too_few; /* functions, or the total, with too few samples to count objects */
	bool has_power;   /* the gate passed, and an error may have hidden growth */
	struct gate_power power;
};

/* gate = type "=" limit; limit = number [ "%" | "K" | "M" | "G" ]. `text` must outlive the gate.
 * Returns 0, or GATE_E_SYNTAX with a message. */
int gate_parse(struct gate *gate, const char *text, bool per_function, struct diag *diag);

/* A gate fails if `new - factor * base - limit` is above 0, by more than chance. */
double gate_factor(const struct gate *gate);
double gate_limit(const struct gate *gate);

/* Judges a diff of the gate's type, which must outlive the result. A gate of functions tests all
 * that have a sample on either side; Holm's procedure keeps the chance that any function fails that
 * has truly not grown so much below 1 - confidence. Returns 0 or -ENOMEM; call gate_result_deinit()
 * on failure too. */
int gate_judge(struct gate_result *result, const struct gate *gate, const struct diff *diff,
	       const struct gate_options *options);
void gate_result_deinit(struct gate_result *result);
