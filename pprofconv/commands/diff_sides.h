/* SPDX-License-Identifier: MIT */
/* The sides of a diff are its base and its new, each of one profile or of several runs. This loads
 * them, and refuses what cannot be compared or warns of it. */
#pragma once
#include "base/vec.h"
#include "commands/compare.h"
#include "commands/inputs.h"

struct diff_side_names { /* of one side */
	char *const *names;
	size_t n;
};

struct diff_sides {
	const struct settings *settings;
	struct inputs inputs[2]; /* DIFF_BASE, DIFF_NEW */
	VEC(char *) warnings;    /* what was warned of, for the report */
};

/* Unless it says otherwise, a function prints its error and returns the exit status. */

/* Loads and names both sides. A base of one file that is missing or has no bytes is a side without
 * a profile if `allow_missing_base` is set. diff_sides_deinit() is to be called whatever it
 * returns. */
int diff_sides_load(struct diff_sides *sides, const struct diff_side_names names[2],
		    bool allow_missing_base);
void diff_sides_deinit(struct diff_sides *sides);

/* Lets profiles that don't say what they count take the type and unit of one that does.
 * `gate_type` is that of the first gate, NULL if there is none. */
int diff_sides_name_values(struct diff_sides *sides, const char *gate_type);

/* Refuses profiles without values of the type. */
int diff_sides_check_type(const struct diff_sides *sides, const char *type);

/* Refuses an order of dumps that is reversed, and dropped samples where there are gates; warns of
 * sides without a sample, of other programs and of other sample intervals. */
int diff_sides_check(struct diff_sides *sides, const struct compare_settings *settings,
		     double confidence, bool has_gates);

/* Refuses or warns of leftovers (analysis/leftover.h), unless `allow_empty` is set. `n_passed` is
 * the number of gates of values in use, if all passed; else 0 or less. */
int diff_sides_check_leftover(struct diff_sides *sides, int n_passed, bool allow_empty);

/* Prints a warning unless --quiet is set, and keeps it for the report. */
int diff_sides_warn(struct diff_sides *sides, const char *text);

/* Whether both sides are one dump each, of the same run of a program. */
bool diff_sides_is_one_run(const struct diff_sides *sides);
