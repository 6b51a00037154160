/* SPDX-License-Identifier: MIT */
/* Tail probabilities, quantiles, and corrections for many tests at once. */
#pragma once
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* The degrees of freedom at which Student's distribution is the normal one. */
#define STATISTICS_NORMAL INFINITY

#define STATISTICS_COUNT_MAX 20

/* The probability that a value of Student's distribution exceeds `t`; `freedom` > 0. */
double statistics_tail(double t, double freedom);

/* Returns the value that is exceeded with the probability `tail`, between 0 and 1. */
double statistics_quantile(double tail, double freedom);

/* The probability that of two Poisson counts with the same `mean`, up to STATISTICS_COUNT_MAX, the
 * first exceeds the second by `least` or more (Skellam's distribution). */
double statistics_count_tail(double mean, size_t least);

/* Holm's step-down procedure: sets out[i] to p[i] adjusted for `n` tests, so that rejecting those
 * up to a level rejects any true hypothesis at all with no more than that probability. Returns 0 or
 * -ENOMEM. */
int statistics_holm(const double *p, size_t n, double *out);

/* The procedure of Benjamini and Hochberg, likewise: rejecting those up to a level keeps the
 * expected share of true hypotheses among the rejected below it. Returns 0 or -ENOMEM. */
int statistics_benjamini_hochberg(const double *p, size_t n, double *out);

/* Returns the median of `n` numbers, or 0 if there are none. Reorders them. */
double statistics_median(double *numbers, size_t n);
