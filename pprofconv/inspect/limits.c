/* SPDX-License-Identifier: MIT */
#include "inspect/limits.h"

#include <stdio.h>
#include <time.h>

uint64_t inspect_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int exceed(struct inspect_limits *limits, struct hp_target *target, const char *text)
{
	snprintf(limits->exceeded, sizeof(limits->exceeded), "%s", text);
	return hp_target_error(target, "%s", text);
}

int inspect_limits_check_time(struct inspect_limits *limits, struct hp_target *target)
{
	if (!limits->deadline_ms || inspect_now_ms() <= limits->deadline_ms)
		return 0;
	return exceed(limits, target,
		      "the stop would have taken longer than --max-stop allows; give it more "
		      "time, or inspect a core");
}

int inspect_limits_check_memory(struct inspect_limits *limits, struct hp_target *target,
				size_t bytes)
{
	if (!limits->memory_max || bytes <= limits->memory_max)
		return 0;
	return exceed(limits, target,
		      "the blocks and pointers take more memory than --memory allows; allow more");
}
