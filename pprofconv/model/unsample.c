/* SPDX-License-Identifier: MIT */
/* Value i is round(S_i) - round(S_i-1), where S_i is the sum of the estimates up to i. Only the
 * carry S - round(S) is kept between values, so large sums lose no digits. If each estimate were
 * cut to a whole number instead, 1,000 samples that stand for 1.58 objects each would add up to
 * 1,000 objects. */
#include "model/unsample.h"

#include <errno.h>
#include <math.h>

double unsample_factor(int64_t objects, int64_t bytes, int64_t interval)
{
	double mean_size = (double)bytes / (double)objects;

	if (interval <= 1)
		return 1;
	return 1 / (1 - exp(-mean_size / (double)interval));
}

int unsample_round(double *carry, double value, int64_t *out)
{
	double total = value + *carry;
	double rounded = round(total);

	if (!(fabs(rounded) < 0x1p63))
		return -EOVERFLOW;
	*carry = total - rounded;
	*out = (int64_t)rounded;
	return 0;
}

int unsample(struct unsampler *unsampler, int64_t interval, int64_t *objects, int64_t *bytes)
{
	double factor;
	int r;

	if (interval <= 1)
		return 0;
	if (*objects == 0 || *bytes == 0) {
		*objects = *bytes = 0;
		return 0;
	}
	factor = unsample_factor(*objects, *bytes, interval);
	r = unsample_round(&unsampler->objects_carry, (double)*objects * factor, objects);
	if (r < 0)
		return r;
	return unsample_round(&unsampler->bytes_carry, (double)*bytes * factor, bytes);
}
