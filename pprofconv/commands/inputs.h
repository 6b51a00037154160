/* SPDX-License-Identifier: MIT */
/* Inputs are the profiles of one side of a comparison, or of a series. These functions load the
 * profiles, name their locations, and prepare them for the comparison. */
#pragma once
#include "analysis/diff.h"
#include "commands/command.h"

struct inputs {
	VEC(struct profile *) profiles;
	VEC(struct diff_input) items; /* the profiles, prepared; empty before inputs_prepare() */
	char *const *names;           /* the names of the files, as they were given */
	char **own_names;             /* the same if they were put into another order, or NULL */
	VEC(const char *) sources;    /* the file of each profile, in the order of loading */
};

/* Loads the `n` files and names their locations. `n_profiles` is the number of profiles that the
 * whole command loads (see command_symbolize()). Prints an error if it fails; returns the exit
 * status. Call inputs_deinit() on failure too. */
int inputs_load(struct inputs *inputs, const struct settings *settings, size_t n_profiles,
		char *const *names, size_t n);

/* Does what inputs_load() does, but loads every report of an input with several, unless --nth
 * chooses one. */
int inputs_load_reports(struct inputs *inputs, const struct settings *settings, char *const *names,
			size_t n);

/* Returns whether a profile has only one value and does not say what it counts, as with folded
 * stacks. */
bool inputs_is_unsaid(const struct profile *profile);

/* Sets the sample type and the unit of profiles that don't say what they count. Returns 0 or
 * -ENOMEM. */
int inputs_name_values(struct inputs *inputs, const char *type, const char *unit);

/* Gives dumps of one run a common sample interval, if possible (see analysis/common_interval.h).
 * Prints an error if it fails; returns the exit status. */
int inputs_set_common_interval(struct profile *const *profiles, size_t n);

/* Adds to *out the names of the inputs' functions whose file is unknown. These functions are
 * compared by name alone. Prints an error if it fails; returns the exit status. */
int inputs_find_fileless(const struct inputs *inputs, struct strtab *out);

/* Prepares the loaded profiles for a comparison. Prints an error if it fails; returns the exit
 * status. */
int inputs_prepare(struct inputs *inputs, enum frames_by by, const struct strtab *fileless,
		   const struct filter_rules *rules);

/* Sorts the profiles by the times at which they were written. Does nothing if any profile has no
 * time. The member `names` is not sorted with them. Returns 0 or -ENOMEM. */
int inputs_sort_by_time(struct inputs *inputs);

/* Frees what inputs_prepare() made. The profiles stay loaded. */
void inputs_release(struct inputs *inputs);
void inputs_deinit(struct inputs *inputs);

/* Return how many samples were dropped, by the files' metadata: in all inputs together, and in the
 * input with the most. */
uint64_t inputs_count_dropped(const struct inputs *inputs);
uint64_t inputs_most_dropped(const struct inputs *inputs);
