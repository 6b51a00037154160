/* SPDX-License-Identifier: MIT */
#include "analysis/leftover.h"

#include <string.h>

#define ALLOCATED_LEAST 0x1p20
#define INUSE_SHARE     0.01
#define INUSE_MOST      0x1p18 /* bytes; the C and C++ libraries keep a third of it */
#define SAMPLES_MOST    2      /* sample intervals, added to INUSE_MOST: one may be chance */

static double sum_values(const struct profile *profile, int value)
{
	double sum = 0;

	for (size_t i = 0; i < profile->samples.n; i++)
		sum += (double)profile_values(profile, i)[value];
	return sum;
}

static bool is_at_work(const struct profile *profile)
{
	vec_foreach (comment, &profile->comments) {
		const char *reason = profile_comment_value(profile, *comment, "reason");

		if (reason && strcmp(reason, "exit") != 0)
			return true;
	}
	return false;
}

struct leftover leftover_find(const struct profile *profile)
{
	int inuse = profile_find_sample_type(profile, "inuse_space");
	int allocated = profile_find_sample_type(profile, "alloc_space");
	double room = INUSE_MOST + SAMPLES_MOST * (double)profile_bytes_period(profile);
	struct leftover found = {.is_at_work = is_at_work(profile)};

	if (inuse < 0 || allocated < 0)
		return found;
	found.inuse = sum_values(profile, inuse);
	found.allocated = sum_values(profile, allocated);
	found.is_leftover = found.allocated >= ALLOCATED_LEAST &&
			    found.inuse < INUSE_SHARE * found.allocated && found.inuse <= room &&
			    !found.is_at_work;
	return found;
}
