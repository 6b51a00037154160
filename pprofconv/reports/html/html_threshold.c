/* SPDX-License-Identifier: MIT */
#include "reports/html/html_threshold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_falling(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return a < b ? 1 : a > b ? -1 : 0;
}

double html_threshold(const double *shares, size_t n, size_t max, double *room)
{
	if (n <= max)
		return 0;
	memcpy(room, shares, n * sizeof(*room));
	qsort(room, n, sizeof(*room), compare_falling);
	return nextafter(room[max], INFINITY);
}
