/* SPDX-License-Identifier: MIT */
/* A trend is how the values of a function move over a series of dumps, and whether that is
 * growth. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum trend_verdict { /* in the order of rows: what shrinks is not a leak */
	TREND_GROWS,
	TREND_GREW_THEN_STAYS, /* a cache that filled */
	TREND_COMES_AND_GOES,  /* a queue, a burst */
	TREND_NOT_SURE,        /* it may be steady, but its slope adds up to too much to say so */
	TREND_STEADY,
	TREND_SHRINKS,
};

/* The value of a function in one dump. Doubts are sums of the squares of what each sample is worth:
 * the variance of a value whose blocks come and go independently of each other. */
struct trend_point {
	double time; /* in hours, or dumps */
	double value;
	double doubt;     /* of what is in use */
	double allocated; /* of all that was ever allocated: rises; 0 if it is unknown */
};

struct trend {
	enum trend_verdict verdict;
	double slope;  /* Theil and Sen's: the median of the slopes between any two points */
	double p_rise; /* Mann and Kendall's, corrected for autocorrelation: the probability of so
			  monotone a rise in a series that has none */
	double deviation; /* the growth from the first to the last dump, in standard deviations of
			     what changed between them */
};

/* Judges `n` points in order of time. `is_one_run`: blocks of one dump may be in the others.
 * Verdicts other than steady and not sure are wrong with the probability 1 - confidence. Returns 0
 * or -ENOMEM. */
int trend_judge(struct trend *trend, const struct trend_point *points, size_t n, bool is_one_run,
		double confidence);

/* Returns the probability that a series which grows by no more than `limit` in a unit of time looks
 * like this one. */
double trend_exceeds(const struct trend *trend, const struct trend_point *points, size_t n,
		     bool is_one_run, double limit);

/* A remedy is what would decide a series that is not sure. Growth by its slope would be found 4
 * times in 5 if the series were `times` as long, or if its samples were worth `part` of what they
 * are. Both are 1 if the growth is beyond chance already, but not monotone enough: then more dumps
 * decide. */
struct trend_remedy {
	double times;
	double part; /* of the sample interval */
};

struct trend_remedy trend_find_remedy(const struct trend *trend, const struct trend_point *points,
				      size_t n, bool is_one_run, double confidence);

/* Returns the name of a verdict in reports. */
const char *trend_verdict_name(enum trend_verdict verdict);
