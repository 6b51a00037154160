/* SPDX-License-Identifier: MIT */
/* Leaks settings are the values of the options of `heapprof leaks`. `heapprof run` makes them from
 * the environment. */
#pragma once
#include "cli/command.h"

#define LEAKS_EXIT_CODE 23 /* as LeakSanitizer's */

struct leaks_settings {
	struct settings common;
	uint64_t exit_code; /* where something leaked; 0: the program's own */
	struct texts suppressions;
	const char *log_file;
	const char *after;
	bool is_strict;
};

extern const struct leaks_settings leaks_defaults;
