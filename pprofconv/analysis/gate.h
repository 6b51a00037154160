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
	char type[64];     /* the sample type, such as inuse_space */
	double limit;      /* a share of the base, or a number of bytes or objects */
	bool is_percent;   /* whether the limit is a share of the base */
	bool per_function; /* judge the flat value of each function instead of the total */
	const char *each;  /* what a function is called here: the diff may be by pools */
};

struct gate_options {
	double confidence; /* required confidence that a limit was exceeded, such as 0.95 */
	bool is_strict;    /* compare the estimates, without regard to their errors */
};

struct gate_failure {
	uint32_t row; /* number of a row of the diff; PROFILE_NONE: the total */
	double p;     /* the p-value, adjusted for all tests of the gate */
};

/* The growth that would have made a gate fail. It is computed for gates that passed. */
struct gate_power {
	double growth; /* found 4 times in 5, in the total or in a function; infinite: none is */
	double fine_interval; /* an interval, in bytes, at which less growth is found; 0: none */
	double fine_growth;   /* the growth that is found at that interval */
};

struct gate_result {
	const struct gate *gate;
	const struct diff *diff; /* the diff that was judged */
	VEC(struct gate_failure) failures;
	size_t n_tests;
	size_t n_too_few; /* functions, or 1 for the total, with too few samples of objects */
	bool has_power;   /* `power` is set: the gate passed, but errors may have hidden growth */
	struct gate_power power;
};

/* Parses a gate: gate = type "=" limit; limit = number [ "%" | "K" | "M" | "G" ]. `text` must
 * outlive the gate. Returns 0, or GATE_E_SYNTAX with a message. */
int gate_parse(struct gate *gate, const char *text, bool per_function, struct diag *diag);

/* Return the numbers of the gate's rule: a gate fails if `new - factor * base - limit` is above 0
 * by more than chance. */
double gate_factor(const struct gate *gate);
double gate_limit(const struct gate *gate);

/* Judges a diff of the gate's sample type. The gate and the diff must outlive the result. A gate of
 * functions tests each function that has a sample on either side. Holm's procedure adjusts the
 * p-values, so that the probability that the gate fails although no function exceeds the limit
 * stays below 1 - confidence. Returns 0 or -ENOMEM; call gate_result_deinit() on failure too. */
int gate_judge(struct gate_result *result, const struct gate *gate, const struct diff *diff,
	       const struct gate_options *options);
void gate_result_deinit(struct gate_result *result);
