/* SPDX-License-Identifier: MIT */
/* How the values of a function move over a series of dumps, and whether that is growth. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum trend_verdict { /* in the order that rows have: what shrinks is no leak */
	TREND_GROWS,
	TREND_GREW_THEN_STAYS, /* a cache that filled */
	TREND_COMES_AND_GOES,  /* a queue, a burst */
	TREND_NOT_SURE,        /* it may be steady, but what its slope makes is no trifle */
	TREND_STEADY,
	TREND_SHRINKS,
};

/* What one dump says of a function. Doubts are sums of the squares of what each sample is worth,
 * the variance that a value has whose blocks come and go independently of each other. */
struct trend_point {
	double time; /* in hours, or dumps */
	double value;
	double doubt;     /* of what is in use */
	double allocated; /* of all that was ever allocated: rises; 0 if it is not known */
};

struct trend {
	enum trend_verdict verdict;
	double slope;  /* Theil and Sen's: the median of the slopes between any two points */
	double p_rise; /* Mann and Kendall's, corrected for autocorrelation: the probability of so
			  monotone a rise in a series that has none */
	double deviation; /* the growth from the first to the last dump, in standard deviations of
			     what changed between them */
};

/* Judges `n` points in order of time. `is_one_run`: what is in one dump may be in the others.
 * Verdicts other than steady and not sure are wrong with the probability 1 - confidence. 0 or
 * -ENOMEM. */
int trend_judge(struct trend *trend, const struct trend_point *points, size_t n, bool is_one_run,
		double confidence);

/* The probability that a series which grows by no more than `limit` in a unit of time looks like
 * this one. */
double trend_exceeds(const struct trend *trend, const struct trend_point *points, size_t n,
		     bool is_one_run, double limit);

/* What would make sure of a series that is not. Growth by its slope would be found 4 times in 5 if
 * it were `times` as long, or its samples were worth that part of what they are; both 1 where the
 * growth is beyond chance already, but not monotone enough: then more dumps tell. */
struct trend_remedy {
	double times;
	double part; /* of the sample interval */
};

struct trend_remedy trend_find_remedy(const struct trend *trend, const struct trend_point *points,
				      size_t n, bool is_one_run, double confidence);

/* The name of a verdict, as reports have it. */
const char *trend_verdict_name(enum trend_verdict verdict);
