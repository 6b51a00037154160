/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "analysis/no_samples.h"

#define ADVICE "HEAP_PROFILE_SAMPLE_INTERVAL=1 records every allocation"

bool no_samples_explain(const struct profile *profile, char text[NO_SAMPLES_TEXT_MAX])
{
	const char *allocated = profile_metadata(profile, "allocated_bytes");
	int64_t interval = profile_bytes_period(profile);

	text[0] = '\0';
	if (profile->samples.n)
		return false;
	if (interval > 1 && allocated)
		snprintf(text, NO_SAMPLES_TEXT_MAX,
			 "no sample: %.20s bytes were allocated, and one byte in %" PRId64
			 " is sampled; " ADVICE,
			 allocated, interval);
	else if (interval > 1)
		snprintf(text, NO_SAMPLES_TEXT_MAX,
			 "no sample: one byte in %" PRId64
			 " is sampled; a smaller interval records "
			 "more",
			 interval);
	else
		snprintf(text, NO_SAMPLES_TEXT_MAX, "no sample: no allocation was recorded");
	return true;
}
