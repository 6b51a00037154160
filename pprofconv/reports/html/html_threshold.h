/* SPDX-License-Identifier: MIT */
#pragma once
#include <stddef.h>

/* Returns the smallest threshold that at most `max` of `n` shares reach; 0 if there are no more
 * than that. `room` has space for `n` numbers. */
double html_threshold(const double *shares, size_t n, size_t max, double *room);
