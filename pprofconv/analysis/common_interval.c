/* SPDX-License-Identifier: MIT */
#include "analysis/common_interval.h"

#include "analysis/shared_samples.h"
#include "transform/thin.h"

/* Returns the largest interval of dumps of one run. Returns 0 if they are not all of one run, or
 * can't be thinned to that interval. */
static int64_t find_common(struct profile *const *profiles, size_t n)
{
	const char *run = n ? shared_samples_run(profiles[0]) : NULL;
	int64_t largest = 0;

	if (!run || !*run)
		return 0;
	for (size_t i = 0; i < n; i++) {
		const char *own = shared_samples_run(profiles[i]);

		if (!own || strcmp(own, run) != 0)
			return 0;
		if (profiles[i]->period > largest)
			largest = profiles[i]->period;
	}
	for (size_t i = 0; i < n; i++)
		if (profiles[i]->period < largest && !thin_is_possible(profiles[i]))
			return 0;
	return largest;
}

int common_interval_set(struct profile *const *profiles, size_t n)
{
	int64_t common = find_common(profiles, n);

	for (size_t i = 0; common && i < n; i++) {
		if (profiles[i]->period < common)
			thin_profile(profiles[i], common);
		if (profile_status(profiles[i]))
			return profile_status(profiles[i]);
	}
	return 0;
}
