/* SPDX-License-Identifier: MIT */
/* The strings of a pprof file are those of the profile that are used in it, under numbers of their
 * own, and more: short names of functions, and the line that holds the metadata. */
#pragma once
#include "model/metadata_line.h"
#include "model/profile.h"

struct pprof_string {
	const char *text;
	size_t size;
};

struct pprof_strings {
	const struct profile *profile;
	VEC(struct pprof_string) items;
	VEC(uint32_t) numbers;               /* by number in the profile; 0: not used, or "" */
	VEC(uint32_t) function_names;        /* for each function: the number of its name */
	VEC(uint32_t) function_system_names; /* likewise */
	VEC(int64_t) comments;               /* numbers */
	VEC(char *) owned;
};

/* Collects the strings of a profile, which must outlive them. Functions get short names unless the
 * profile has `keeps_names` set. Returns 0 or -ENOMEM; call pprof_strings_deinit() on failure too.
 */
int pprof_strings_init(struct pprof_strings *strings, const struct profile *profile);
void pprof_strings_deinit(struct pprof_strings *strings);

/* Returns the number in the file of a string of the profile. */
static inline uint32_t pprof_strings_number(const struct pprof_strings *strings, uint32_t string)
{
	return strings->numbers.items[string];
}
