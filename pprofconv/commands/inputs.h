/* SPDX-License-Identifier: MIT */
/* Inputs are the profiles of one side of a comparison, or of a series. They are loaded, named, and
 * prepared for the comparison. */
#pragma once
#include "analysis/diff.h"
#include "commands/command.h"

struct inputs {
	VEC(struct profile *) profiles;
	VEC(struct diff_input) items; /* the profiles, prepared; empty before inputs_prepare() */
	char *const *names;           /* of the files, as they were given */
};

/* Loads the `n` files and names their locations. `n_profiles` is how many the command loads (see
 * command_symbolize()). Prints the error; returns the exit status. The caller calls
 * inputs_deinit(), also after a failure. */
int inputs_load(struct inputs *inputs, const struct settings *settings, size_t n_profiles,
		char *const *names, size_t n);

/* Whether a profile does not say what its one value counts, as folded stacks don't. */
bool inputs_is_unsaid(const struct profile *profile);

/* Gives such values that type and unit. Returns 0 or -ENOMEM. */
int inputs_name_values(struct inputs *inputs, const char *type, const char *unit);

/* Adds the names of functions without a known file to *out; these are compared by name alone.
 * Prints the error; returns the exit status. */
int inputs_find_fileless(const struct inputs *inputs, struct strtab *out);

/* Prepares the loaded profiles for a comparison. Prints the error; returns the exit status. */
int inputs_prepare(struct inputs *inputs, enum frames_by by, const struct strtab *fileless,
		   const struct filter_rules *rules);

/* Sorts the profiles by the times at which they were written, if all have one; the names keep their
 * order. Returns 0 or -ENOMEM. */
int inputs_sort_by_time(struct inputs *inputs);

/* Undoes inputs_prepare(). */
void inputs_release(struct inputs *inputs);
void inputs_deinit(struct inputs *inputs);

/* Return how many samples were dropped, by the files' metadata: the sum of all, and the most in
 * one. */
uint64_t inputs_count_dropped(const struct inputs *inputs);
uint64_t inputs_most_dropped(const struct inputs *inputs);
