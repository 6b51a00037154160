/* SPDX-License-Identifier: MIT */
/* Inputs are the profiles of one side of a comparison, or of a series: loaded, named, and prepared
 * to be compared. */
#pragma once
#include "analysis/diff.h"
#include "commands/command.h"

/* Profiles with what a diff needs to know of them. */
struct inputs {
	VEC(struct profile *) profiles;
	VEC(struct diff_input) items;
	char *const *names;
};

/* Loads and names all files, of `n_profiles` that the command loads. Returns the exit status;
 * inputs_deinit() is to be called whatever it is. */
int inputs_load(struct inputs *inputs, const struct settings *settings, size_t n_profiles,
		char *const *names, size_t n);

/* Whether a profile does not say what its one value counts, as folded stacks don't. */
bool inputs_is_unsaid(const struct profile *profile);

/* Calls such values by that type and unit. 0 or -ENOMEM. */
int inputs_name_values(struct inputs *inputs, const char *type, const char *unit);

/* Adds the names of functions whose files are not known to *out: such are compared by name alone.
 * Returns the exit status. */
int inputs_find_fileless(const struct inputs *inputs, struct strtab *out);

/* Prepares what was loaded to be compared. */
int inputs_prepare(struct inputs *inputs, enum frames_by by, const struct strtab *fileless,
		   const struct filter_rules *rules);

/* Puts what was loaded in order of time, if all tell when they were written; names stay as they
 * were. 0 or -ENOMEM. */
int inputs_sort_by_time(struct inputs *inputs);

/* Undoes inputs_prepare(). */
void inputs_release(struct inputs *inputs);
void inputs_deinit(struct inputs *inputs);

/* How many samples were lost, as the files' own metadata say: in all of them, and at most in one.
 */
uint64_t inputs_count_dropped(const struct inputs *inputs);
uint64_t inputs_most_dropped(const struct inputs *inputs);
