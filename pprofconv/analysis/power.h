/* SPDX-License-Identifier: MIT */
/* The power of a test is the smallest growth that makes it fail. It is computed for gates that
 * passed, to show what growth they could have missed. */
#pragma once
#include "analysis/estimated_change.h"

/* A test that fails if estimated_change_p_value() is below `level`. */
struct power_test {
	double factor, limit; /* as in estimated_change_p_value() */
	double level;
};

/* Returns the smallest growth over the base that makes the test fail 4 times in 5. The sample
 * interval is taken to be `part` times the one that was used, such as 1 or 0.125. Returns infinity
 * if no growth makes the test fail; for an exact change, returns the largest growth that passes.
 *
 * The growth is assumed to consist of blocks like those of the heap. The computation aims at 85
 * failures of 100, so that 80 are reached although the variances are estimates. At a smaller
 * interval, the variances are assumed to be smaller by the factor `part`. That is true of blocks
 * that are small compared with the interval; the variances of larger blocks are even smaller. */
double power_growth(const struct estimated_change *change, const struct power_test *test,
		    double part);
