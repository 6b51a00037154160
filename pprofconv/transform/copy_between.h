/* SPDX-License-Identifier: MIT */
/* A translation copies parts of one profile into another, where they have other numbers. */
#pragma once
#include "model/profile.h"
#include "transform/filter.h"

/* A change that is made to samples while they are copied. */
struct copy_between_change {
	double factor;         /* of all values; the running sum of each stack is rounded */
	const char *label_key; /* of a label that each sample gets; NULL: none */
	const char *label_text;
	const struct filter *filter; /* drops the samples that it does not keep; NULL: drops none */
};

struct copy_between {
	const struct profile *from;
	struct profile *to;
	const struct copy_between_change *change; /* may be set; NULL: no change */
	VEC(uint32_t) strings; /* new numbers by old ones; PROFILE_NONE: not copied yet */
	/* The same of other parts. The caller sets them as it copies. */
	VEC(uint32_t) mappings, functions, locations;
	VEC(uint32_t) frames; /* these four are of the part being copied */
	VEC(struct profile_line) lines;
	VEC(struct profile_label) labels;
	VEC(int64_t) values;
	VEC(double) carries; /* rounding errors, for each value of each old stack */
};

/* Both profiles must outlive the translation. Returns 0 or -ENOMEM; call copy_between_deinit() on
 * failure too. */
int copy_between_init(struct copy_between *translation, const struct profile *from,
		      struct profile *to);
void copy_between_deinit(struct copy_between *translation);

/* Each adds the part with an old number, unless the target has it already, and returns its new
 * number; samples have none. Unknown fields are left out: they may refer to parts that have moved.
 * Failures show in the status of the target. */
uint32_t copy_between_string(struct copy_between *translation, uint32_t string);
uint32_t copy_between_function(struct copy_between *translation,
			       uint32_t function);                           /* needs strings */
void copy_between_sample(struct copy_between *translation, uint32_t sample); /* needs locations */

/* Adds the sample types and sets the period type. */
void copy_between_types(struct copy_between *translation);

/* Sets translation.lines to those of a location; needs functions. Returns 0 or -ENOMEM. */
int copy_between_lines(struct copy_between *translation, const struct profile_location *location);
