/* SPDX-License-Identifier: MIT */
/* The power of a test: how large a growth must be for a gate that passed to have failed. */
#pragma once
#include "analysis/estimated_change.h"

/* A test that fails where estimated_change_p_value() is below `level`. */
struct power_test {
	double factor, limit; /* as of estimated_change_p_value() */
	double level;
};

/* The least growth of the base that makes the test fail 4 times in 5, at a sample interval that is
 * `part` of the one that was used, such as 1 or 0.125. Infinite if no growth does; for an exact
 * change what just passes.
 *
 * The growth is taken to be of blocks as the heap is. 85 of 100 is aimed at, so that 80 are kept
 * although variances are estimates. At a smaller interval variances are no more than that part of
 * what they are, which is so for blocks that are small beside it; larger ones have less. */
double power_growth(const struct estimated_change *change, const struct power_test *test,
		    double part);
