/* SPDX-License-Identifier: MIT */
/* A translation copies parts of one profile into another, where they have other numbers. */
#pragma once
#include "model/profile.h"
#include "transform/filter.h"

/* A change that is made to samples while they are copied. */
struct copy_between_change {
	double factor;         /* of all values; in each stack, rounding errors are carried over */
	const char *label_key; /* of a label that is added to each sample; NULL: no label */
	const char *label_text;
	const struct filter *filter; /* samples that it does not keep are left out; NULL: none */
	const double *factors;       /* in place of `factor`, one per sample type; NULL: none */
	const char *dropped_label;   /* key of numeric labels that are left out; NULL: none */
};

/* A change of the labels that say how samples were sampled (see model/sample_labels.h). The default
 * interval is that of samples without a label SAMPLE_LABEL_INTERVAL; 0: not known. A sample gets
 * such a label if its interval is not the default of `to`. Levels are left out. */
struct copy_between_sampling {
	int64_t from_default, to_default;
};

struct copy_between {
	const struct profile *from;
	struct profile *to;
	const struct copy_between_change *change;     /* the caller may set it; NULL: no change */
	const struct copy_between_sampling *sampling; /* likewise */
	uint32_t level_key, interval_key;             /* strings of `from`, or PROFILE_NONE */
	VEC(uint32_t) strings; /* new numbers by old numbers; PROFILE_NONE: not copied yet */
	/* New numbers of other parts by old numbers. The caller sets them while it copies. */
	VEC(uint32_t) mappings, functions, locations;
	VEC(uint32_t) frames; /* `frames` to `values` belong to the part being copied */
	VEC(struct profile_line) lines;
	VEC(struct profile_label) labels;
	VEC(int64_t) values;
	VEC(double) carries; /* rounding errors, for each value of each stack in `from` */
};

/* Begins a translation from `from` to `to`, which must both outlive it. Returns 0 or -ENOMEM; call
 * copy_between_deinit() on failure too. */
int copy_between_init(struct copy_between *translation, const struct profile *from,
		      struct profile *to);
void copy_between_deinit(struct copy_between *translation);

/* Each of these functions adds to `to` the part that has the given number in `from`, unless `to`
 * has it already. The result is the part's number in `to`. copy_between_sample() gives none,
 * applies the change if one is set, and needs translation.locations. Unknown fields are left out,
 * because they may refer to parts that have other numbers now. Failures are kept in the status of
 * `to`. */
uint32_t copy_between_string(struct copy_between *translation, uint32_t string);
uint32_t copy_between_function(struct copy_between *translation, uint32_t function);
void copy_between_sample(struct copy_between *translation, uint32_t sample);

/* Adds the sample types to `to` and sets its period type. */
void copy_between_types(struct copy_between *translation);

/* Sets translation.lines to the lines of a location, after translation.functions was set. Returns 0
 * or -ENOMEM. */
int copy_between_lines(struct copy_between *translation, const struct profile_location *location);
