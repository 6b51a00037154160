/* SPDX-License-Identifier: MIT */
/* A diff compares two profiles, or two sets of profiles of the same job, function by function.
 * Functions are matched by name and file, not by address, so that two builds can be compared. A
 * function also matches if its file was in another folder in the base. */
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

/* The values of one function, or of the total. The values of a side are sums over its runs. */
struct diff_measure {
	struct estimate sums[2];
	double squares[2];   /* for each side: the sum of the squares of its runs' values */
	double pair_squares; /* of pairs: the sum of the squares of their differences */
	struct estimate shared;
};

struct diff_row {
	uint32_t name, file; /* numbers of strings of the diff; the file is "" if unknown */
	struct diff_measure flat;
	struct diff_measure cumulative;
};

struct diff {
	struct strtab strings;
	VEC(struct diff_row) rows;
	struct diff_measure total;
	double suppressed[2]; /* for each side: what suppressions left out; a mean of its runs */
	size_t n_runs[2];
	bool is_paired;     /* run i of the base and run i of the new side are a pair */
	double interval[2]; /* for each side: the largest R of its runs; 1 or less: not sampled */
	const char *type;   /* the sample type, such as inuse_space; belongs to the caller */
	bool is_bytes;

	/* Private: the index of the rows, and their values in the current run, or of pairs the
	 * differences so far. */
	struct index row_index;
	VEC(double) run_flat;
	VEC(double) run_cumulative;
	VEC(double) pair_flat;
	VEC(double) pair_cumulative;
	double pair_total;
};

/* Prepares a profile for a comparison. The profile must outlive the input, and so must `fileless`
 * (see struct frames_view) and `rules`; each of these two may be NULL. Returns 0 or -ENOMEM; call
 * diff_input_deinit() on failure too. */
int diff_input_init(struct diff_input *input, const struct profile *profile, enum frames_by by,
		    const struct strtab *fileless, const struct filter_rules *rules);
void diff_input_deinit(struct diff_input *input);

/* Compares the values of the sample type named `type`, which all inputs must have. If each side is
 * one dump, and both dumps are of the same run, the samples that they share are found. Returns 0 or
 * -ENOMEM; call diff_deinit() on failure too. */
int diff_init(struct diff *diff, const char *type, const struct diff_input *base, size_t n_base,
	      const struct diff_input *new, size_t n_new);
void diff_deinit(struct diff *diff);

/* Same as diff_init(), but base[i] and new[i] are a pair, such as two runs on one host. Then the
 * error follows from the spread among the differences, since what a host always has more of is in
 * both runs. There must be at least two pairs. */
int diff_init_pairs(struct diff *diff, const char *type, const struct diff_input *base,
		    const struct diff_input *new, size_t n);

/* Returns the change of a measure: the mean over the runs of each side, with its error. The error
 * is the larger of the sampling error and the error that follows from the spread among the runs, or
 * among the differences of pairs. */
struct estimated_change diff_change(const struct diff *diff, const struct diff_measure *measure);

/* Returns whether either side has samples, or a value other than 0. */
bool diff_has_samples(const struct diff_measure *measure);

static inline const char *diff_name(const struct diff *diff, const struct diff_row *row)
{
	return strtab_text(&diff->strings, row->name);
}

static inline const char *diff_file(const struct diff *diff, const struct diff_row *row)
{
	return strtab_text(&diff->strings, row->file);
}

/* Sorts the rows by the size of the change of their flat values, up or down, the largest first.
 * Rows with equal changes are sorted by the change of their cumulative values, then by name and
 * file. */
void diff_sort(struct diff *diff);
