/* SPDX-License-Identifier: MIT */
/* A trend is how the values of a function move over a series of dumps, and whether that is
 * growth. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum trend_verdict { /* in the order in which rows are sorted */
	TREND_GROWS,
	TREND_GREW_THEN_STAYS, /* a cache that filled */
	TREND_COMES_AND_GOES,  /* a queue, a burst */
	/* The series may be steady, but its slope is too large to say so; or it rose, but in too
	 * few dumps. */
	TREND_NOT_SURE,
	TREND_STEADY,
	TREND_SHRINKS,
};

/* The value of a function in one dump. A doubt is the sum of the squares of what each sample adds
 * to a value. It is the variance of the value if its blocks come and go independently of each
 * other. */
struct trend_point {
	double time; /* in hours, or dumps */
	double value;
	double doubt;     /* the doubt of `value` */
	double allocated; /* the doubt of all that was ever allocated; 0 if unknown */
};

struct trend {
	enum trend_verdict verdict;
	double slope; /* Theil and Sen's slope: the median of the slopes between any two points */
	/* By Mann and Kendall's test, corrected for autocorrelation: the probability that a series
	 * without a trend rises as steadily. */
	double p_rise;
	/* The growth from the first to the last dump, in standard deviations of what changed
	 * between them. */
	double deviation;
};

/* Judges `n` points, which are in order of time. `is_one_run` means that all dumps are of one run,
 * so a block of one dump may be in the others. Fewer than 3 points are steady. A verdict other than
 * "steady" and "not sure" is wrong with the probability 1 - confidence. Returns 0 or -ENOMEM. */
int trend_judge(struct trend *trend, const struct trend_point *points, size_t n, bool is_one_run,
		double confidence);

/* Returns the probability that a series looks like this one although its true growth is no more
 * than `limit` per unit of time. Returns 1 if the verdict is not TREND_GROWS. */
double trend_exceeds(const struct trend *trend, const struct trend_point *points, size_t n,
		     bool is_one_run, double limit);

/* A remedy is what it takes to decide a series whose verdict is "not sure". If the series truly
 * grows by its slope, the growth is found 4 times in 5 in a series that is `times` as long, or at
 * `part` times the sample interval. Both are 1 if the growth is beyond chance already, but not
 * steady enough; then more dumps decide. */
struct trend_remedy {
	double times;
	double part;
};

struct trend_remedy trend_find_remedy(const struct trend *trend, const struct trend_point *points,
				      size_t n, bool is_one_run, double confidence);

/* Returns the name that reports use for a verdict. */
const char *trend_verdict_name(enum trend_verdict verdict);
