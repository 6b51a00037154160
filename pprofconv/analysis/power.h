/* SPDX-License-Identifier: MIT */
/* The power of a test is how large a growth must be to fail a gate that passed. */
#pragma once
#include "analysis/estimated_change.h"

/* A test that fails if estimated_change_p_value() is below `level`. */
struct power_test {
	double factor, limit; /* as of estimated_change_p_value() */
	double level;
};

/* Returns the least growth of the base that makes the test fail 4 times in 5, at a sample interval
 * that is `part` of the one that was used, such as 1 or 0.125. Infinite if no growth does; for an
 * exact change, the growth that just passes.
 *
 * The growth is assumed to have blocks like those of the heap. The aim is 85 of 100, so that 80 are
 * reached although variances are estimates. At a smaller interval, variances are assumed to be that
 * part of what they are. This holds for blocks that are small compared with the interval; larger
 * ones have less. */
double power_growth(const struct estimated_change *change, const struct power_test *test,
		    double part);
