/* SPDX-License-Identifier: MIT */
/* The sides of a diff are the base and the new side. Each side is one profile, or a profile of each
 * of several runs. These functions load the sides, and refuse sides that should not be compared, or
 * warn about them. A function that returns an int prints an error if it fails, and returns the exit
 * status. */
#pragma once
#include "base/vec.h"
#include "commands/compare.h"
#include "commands/input_list.h"
#include "commands/inputs.h"

struct diff_sides {
	const struct settings *settings;
	struct inputs inputs[2]; /* of DIFF_BASE and DIFF_NEW */
	bool is_paired;       /* profile i of the base and profile i of the new side are a pair */
	VEC(char *) warnings; /* the warnings printed so far, for the report */
};

/* Loads the profiles of both sides and names their locations. Two dumps of one run get a common
 * sample interval, if possible. If `allow_missing_base` is set and
 * the base is a single file, the file may be missing or empty: then the base is a side without a
 * profile. Call diff_sides_deinit() on failure too. */
int diff_sides_load(struct diff_sides *sides, const struct input_list lists[2],
		    bool allow_missing_base);
void diff_sides_deinit(struct diff_sides *sides);

/* Puts the profiles of both sides into pairs with the same value of the metadata `key`, such as the
 * label host, in the order of these values. Profiles whose value the other side lacks are left out,
 * with a warning. Fails if a profile lacks the key, if two of one side have the same value, or if
 * there are fewer than two pairs. */
int diff_sides_pair(struct diff_sides *sides, const char *key);

/* Some profiles don't say what they count. Gives these a sample type of a profile that does, with
 * its unit, if there is such a profile. `gate_type` is the sample type of the first gate, or NULL
 * if there is no gate. */
int diff_sides_name_values(struct diff_sides *sides, const char *gate_type);

/* Fails if a profile lacks the sample type `type`. */
int diff_sides_check_type(const struct diff_sides *sides, const char *type);

/* Fails if a side has the same dump twice, or if two dumps of one run are given in the wrong order.
 * Fails if samples were dropped and there are gates, unless --allow-dropped is set. Warns about
 * other dropped samples, about sides without samples, about sums of several runs, and about sides
 * with different programs or sample intervals. */
int diff_sides_check(struct diff_sides *sides, const struct compare_settings *settings,
		     double confidence, bool has_gates);

/* If the sides can't be compared because of leftovers (see analysis/leftover.h), fails if there are
 * gates on values in use and all of them have passed, otherwise warns. `n_passed` is the number of
 * these gates, or -1 if any of them has failed. Does nothing if `allow_empty` is set. */
int diff_sides_check_leftover(struct diff_sides *sides, int n_passed, bool allow_empty);

/* Prints a warning unless --quiet is set, and keeps it for the report. */
int diff_sides_warn(struct diff_sides *sides, const char *text);

/* Returns whether each side is one dump, and both dumps are of the same run of a program. */
bool diff_sides_is_one_run(const struct diff_sides *sides);
