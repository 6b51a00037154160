/* SPDX-License-Identifier: MIT */
/* The sides of a diff are the base and the new side; each is one profile, or a profile of each of
 * several runs. These functions load them, and refuse or warn of sides that should not be compared.
 * Those that return an int print their error and return the exit status. */
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
	VEC(char *) warnings;    /* those printed so far, for the report */
};

/* Loads and names both sides. With `allow_missing_base`, a base of one file that is missing or
 * empty becomes a side without a profile. The caller calls diff_sides_deinit(), also after a
 * failure. */
int diff_sides_load(struct diff_sides *sides, const struct diff_side_names names[2],
		    bool allow_missing_base);
void diff_sides_deinit(struct diff_sides *sides);

/* Gives profiles that don't say what they count the type and unit of one that does. `gate_type` is
 * the sample type of the first gate, or NULL if there is no gate. */
int diff_sides_name_values(struct diff_sides *sides, const char *gate_type);

/* Refuses profiles that lack the sample type. */
int diff_sides_check_type(const struct diff_sides *sides, const char *type);

/* Refuses two dumps of one run in the wrong order, and dropped samples if there are gates and they
 * are not allowed. Warns of dropped samples otherwise, of sides without a sample, and if programs
 * or sample intervals differ. */
int diff_sides_check(struct diff_sides *sides, const struct compare_settings *settings,
		     double confidence, bool has_gates);

/* Unless `allow_empty` is set, checks for leftovers (analysis/leftover.h): refuses them if gates of
 * values in use have passed on them, else warns. `n_passed` is the number of such gates, or -1 if
 * one has failed. */
int diff_sides_check_leftover(struct diff_sides *sides, int n_passed, bool allow_empty);

/* Prints a warning unless --quiet is set, and keeps it for the report. */
int diff_sides_warn(struct diff_sides *sides, const char *text);

/* Whether both sides are one dump each, of the same run of a program. */
bool diff_sides_is_one_run(const struct diff_sides *sides);
