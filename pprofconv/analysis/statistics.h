/* SPDX-License-Identifier: MIT */
/* Tail probabilities, quantiles, and corrections for many tests at once. */
#pragma once
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* The degrees of freedom at which Student's distribution is the normal distribution. */
#define STATISTICS_NORMAL INFINITY

/* The largest mean that statistics_count_tail() takes. */
#define STATISTICS_COUNT_MAX 20

/* Returns the probability that a value with Student's distribution exceeds `t`. `freedom` must be
 * above 0. */
double statistics_tail(double t, double freedom);

/* Returns the value that Student's distribution exceeds with the probability `tail`, a number
 * between 0 and 1. */
double statistics_quantile(double tail, double freedom);

/* Returns the probability that of two Poisson counts with the same `mean`, up to
 * STATISTICS_COUNT_MAX, the first exceeds the second by `least` or more (Skellam's
 * distribution). */
double statistics_count_tail(double mean, size_t least);

/* Sets out[i] to p[i], adjusted for `n` tests by Holm's step-down procedure. If all hypotheses with
 * an adjusted value up to a level are rejected, the probability that any true one is among them is
 * at most that level. Returns 0 or -ENOMEM. */
int statistics_holm(const double *p, size_t n, double *out);

/* Sets out[i] to p[i], adjusted for `n` tests by the procedure of Benjamini and Hochberg. If all
 * hypotheses with an adjusted value up to a level are rejected, the expected share of true ones
 * among them is at most that level. Returns 0 or -ENOMEM. */
int statistics_benjamini_hochberg(const double *p, size_t n, double *out);

/* Returns the median of `n` numbers, or 0 if `n` is 0. Reorders the numbers. */
double statistics_median(double *numbers, size_t n);
