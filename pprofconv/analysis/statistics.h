/* SPDX-License-Identifier: MIT */
/* Tail probabilities, quantiles, and corrections for many tests at once. */
#pragma once
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* How many degrees of freedom make Student's distribution the normal one. */
#define STATISTICS_NORMAL INFINITY

#define STATISTICS_COUNT_MAX 20

/* The probability that a value of Student's distribution exceeds `t`; `freedom` > 0. */
double statistics_tail(double t, double freedom);

/* The value that is exceeded with the probability `tail`, which lies between 0 and 1. */
double statistics_quantile(double tail, double freedom);

/* The probability that of two counts with Poisson's distribution and the same `mean`, up to
 * STATISTICS_COUNT_MAX, one exceeds the other by `least` or more (Skellam's distribution). */
double statistics_count_tail(double mean, size_t least);

/* Holm's step-down procedure: sets out[i] to what p[i] is worth as one of `n` tests, so that
 * rejecting those up to a level rejects any true hypothesis at all with no more than that
 * probability. 0 or -ENOMEM. */
int statistics_holm(const double *p, size_t n, double *out);

/* Benjamini and Hochberg's: rejecting those up to a level keeps the expected share of true
 * hypotheses among the rejected below it. 0 or -ENOMEM. */
int statistics_benjamini_hochberg(const double *p, size_t n, double *out);

/* The middle of `n` numbers, which are put into another order; 0 if there are none. */
double statistics_median(double *numbers, size_t n);
