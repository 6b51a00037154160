/* SPDX-License-Identifier: MIT */
/* The inputs of a page are one profile; a base and a new one; or a series of dumps, in order of
 * time. A function that returns an int prints an error if it fails, and returns the exit status. */
#pragma once
#include "commands/compare.h"
#include "commands/diff_sides.h"

struct html_inputs {
	struct input_list lists[2]; /* of DIFF_BASE and DIFF_NEW */
	struct diff_sides sides;    /* all dumps but the base are on the new side */
	struct strtab fileless;     /* functions that a diff compares by name alone */
	VEC(const struct profile *) dumps;
	VEC(const char *) names; /* of their files */
	bool is_series;
};

/* Loads the inputs and names their locations. `base` may be NULL. Dumps of one run get a common
 * sample interval, if possible. Warns as diff and trend do. Call html_inputs_deinit() on failure
 * too. */
int html_inputs_load(struct html_inputs *inputs, const struct settings *settings,
		     const char *const *base, double confidence);
void html_inputs_deinit(struct html_inputs *inputs);
