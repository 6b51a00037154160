/* SPDX-License-Identifier: MIT */
/* The limits of a look at a stopped process: how long it may stay stopped, and how much memory what
 * is found in it may take. */
#pragma once
#include "target/target.h"

struct inspect_limits {
	uint64_t deadline_ms; /* of CLOCK_MONOTONIC; 0: none */
	size_t memory_max;    /* bytes that chunks, nodes and pointers may take; 0: no limit */
	char exceeded[160];   /* set: which limit was exceeded, and what to do; or "" */
};

/* Return 0; or HP_TARGET_E, after which the look ends, if the time is over or if `bytes` are too
 * many. They set `exceeded`, and note it as the target's message. */
int inspect_limits_check_time(struct inspect_limits *limits, struct hp_target *target);
int inspect_limits_check_memory(struct inspect_limits *limits, struct hp_target *target,
				size_t bytes);

/* Returns the time of CLOCK_MONOTONIC. */
uint64_t inspect_now_ms(void);
