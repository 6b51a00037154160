/* SPDX-License-Identifier: MIT */
/* Carries the things of one profile over into another, where they have other numbers. */
#pragma once
#include "model/profile.h"
#include "transform/filter.h"

/* What becomes of samples on their way. */
struct copy_between_change {
	double factor;         /* of all values; what is rounded is the sum of each stack's */
	const char *label_key; /* of a label that all get; NULL: none */
	const char *label_text;
	const struct filter *filter; /* whose verdict keeps samples out; NULL: none does */
};

struct copy_between {
	const struct profile *from;
	struct profile *to;
	const struct copy_between_change *change; /* may be set; NULL: none */
	VEC(uint32_t) strings; /* new numbers by old ones; PROFILE_NONE: not needed so far */
	/* The same of other things, to be set by whoever carries them over. */
	VEC(uint32_t) mappings, functions, locations;
	VEC(uint32_t) frames; /* what is at hand */
	VEC(struct profile_line) lines;
	VEC(struct profile_label) labels;
	VEC(int64_t) values;
	VEC(double) carries; /* of rounding, for each value of each old stack */
};

/* Both profiles must outlive the translation. 0 or -ENOMEM; also on failure copy_between_deinit()
 * is to be called. */
int copy_between_init(struct copy_between *translation, const struct profile *from,
		      struct profile *to);
void copy_between_deinit(struct copy_between *translation);

/* Each adds the thing with an old number, unless it is there already, and returns the new one.
 * Fields without a name to us are left out: they may refer to what has moved. Failures show in the
 * status of the profile that is added to. */
uint32_t copy_between_string(struct copy_between *translation, uint32_t string);
uint32_t copy_between_function(struct copy_between *translation,
			       uint32_t function);                           /* needs strings */
void copy_between_sample(struct copy_between *translation, uint32_t sample); /* needs locations */

/* Adds the sample types and sets the period type. */
void copy_between_types(struct copy_between *translation);

/* Sets translation.lines to those of a location; needs functions. 0 or -ENOMEM. */
int copy_between_lines(struct copy_between *translation, const struct profile_location *location);
