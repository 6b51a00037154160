/* SPDX-License-Identifier: MIT */
/* A diff compares two profiles, or two sets of profiles of the same job, function by function.
 * Functions are matched by name and file, not by address, so that two builds can be compared. A
 * file may be in another folder than it was when the base was built. */
#pragma once
#include <stdint.h>

#include "analysis/estimated_change.h"
#include "transform/filter.h"
#include "transform/frames.h"

enum diff_side {
	DIFF_BASE,
	DIFF_NEW,
};

/* A profile, ready to be compared. Several diffs may use it. */
struct diff_input {
	const struct profile *profile;
	struct frames frames;
	struct filter filter;
};

/* The values of one function, or of all: sums over the runs of each side. */
struct diff_measure {
	struct estimate sums[2];
	double squares[2]; /* of each run's value */
	struct estimate shared;
};

struct diff_row {
	uint32_t name, file; /* strings of the diff; no file: "" */
	struct diff_measure flat;
	struct diff_measure cumulative;
};

struct diff {
	struct strtab strings;
	VEC(struct diff_row) rows;
	struct diff_measure total;
	double suppressed[2]; /* what suppressions kept out of all that, the mean of the runs */
	size_t n_runs[2];
	double interval[2]; /* the largest R of each side's runs; 1 or less: exact */
	const char *type;   /* of the values, such as inuse_space: belongs to the caller */
	bool is_bytes;

	/* Private: the index of the rows, and their values in the current run. */
	struct index row_index;
	VEC(double) run_flat;
	VEC(double) run_cumulative;
};

/* Prepares a profile, which must outlive the input. So must `fileless`, see struct frames_view, and
 * `rules`; either may be NULL. Returns 0 or -ENOMEM; call diff_input_deinit() on failure too. */
int diff_input_init(struct diff_input *input, const struct profile *profile, enum frames_by by,
		    const struct strtab *fileless, const struct filter_rules *rules);
void diff_input_deinit(struct diff_input *input);

/* Compares the values of the sample type of that name, which all inputs must have. If each side is
 * one dump of the same run, the samples that they share are found. Returns 0 or -ENOMEM; call
 * diff_deinit() on failure too. */
int diff_init(struct diff *diff, const char *type, const struct diff_input *base, size_t n_base,
	      const struct diff_input *new, size_t n_new);
void diff_deinit(struct diff *diff);

/* Returns the change that a measure of the diff shows: the means of the runs, with the larger of
 * two errors, that of theory and that of their spread. */
struct estimated_change diff_change(const struct diff *diff, const struct diff_measure *measure);

/* Whether either side has any samples or values. */
bool diff_has_samples(const struct diff_measure *measure);

static inline const char *diff_name(const struct diff *diff, const struct diff_row *row)
{
	return strtab_text(&diff->strings, row->name);
}

static inline const char *diff_file(const struct diff *diff, const struct diff_row *row)
{
	return strtab_text(&diff->strings, row->file);
}

/* Sorts rows: the largest change of flat values first, up or down, then of cumulative ones, then by
 * name. */
void diff_sort(struct diff *diff);
