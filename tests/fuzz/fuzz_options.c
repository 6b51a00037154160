/* SPDX-License-Identifier: MIT */
/* Parses the profiler's environment. The n-th part of an input is the value of the n-th variable.
 */
#include <stdlib.h>

#include "base/name_pattern.h"
#include "base/options.h"
#include "parts.h"
#include "process/process.h"
#include "target.h"

#define VALUES_MAX 32

static char *values[VALUES_MAX];

static const char *get(const char *name)
{
	if (strcmp(name, "HEAPPROFILE") == 0)
		return values[0];
	if (strcmp(name, "TCMALLOC_SAMPLE_PARAMETER") == 0)
		return values[1];
	for (size_t i = 0; i < hp_n_options && i + 2 < VALUES_MAX; i++)
		if (strcmp(name, hp_option_table[i].name) == 0)
			return values[i + 2];
	return NULL;
}

static void check_ranges(const struct hp_options *options)
{
	for (size_t i = 0; i < hp_n_options; i++) {
		const struct hp_option *option = &hp_option_table[i];

		if (option->kind == HP_OPTION_TEXT)
			continue;
		uint64_t value =
			*(const uint64_t *)(const void *)((const char *)options + option->offset);

		if (value != option->default_value && option->kind != HP_OPTION_CHOICE &&
		    (value < option->min || value > option->max))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct part rest = {data, size};
	struct hp_options options;

	for (size_t i = 0; i < VALUES_MAX; i++) {
		struct part part = part_take(&rest);

		values[i] = part.size ? strndup((const char *)part.data, part.size) : NULL;
	}
	hp_options_read(&options, get, hp_process_is_called);
	check_ranges(&options);
	hp_name_pattern_matches(options.program, options.prefix);
	for (size_t i = 0; i < VALUES_MAX; i++)
		free(values[i]);
	return 0;
}
