/* SPDX-License-Identifier: MIT */
/* A report shows a diff in one of several formats. Formats are the rows of a table. To add a
 * format, add a file that defines a `const struct report_format`, its declaration in reports.h and
 * a row in report.c. */
#pragma once
#include <stdbool.h>

#include "analysis/diff.h"
#include "analysis/gate.h"
#include "base/display.h"
#include "base/output.h"
#include "reports/format.h"

struct report {
	struct diff *diff;                  /* the diff, sorted by diff_sort() */
	const struct diff_input *inputs[2]; /* for each side: as many inputs as the diff has runs */
	char *const *names[2];              /* for each side: the names of the files */
	/* For each row: whether the change of its flat value is significant among all rows: by
	 * Holm's procedure if both sides have several runs, else by that of Benjamini and Hochberg.
	 * The first lets any star be false with the probability of 5 %, the second one star in
	 * 20. */
	VEC(bool) marks;
	size_t n_top; /* number of rows to show, or to show first; 0: all */
	double confidence;
	bool is_strict;
	const char *by; /* what a row is: function, file, line, mapping */
	bool is_one_run;
	bool full_names;               /* names are not shortened */
	const struct display *display; /* of text; NULL: lines of any length */
	const struct gate_result *results;
	size_t n_results;
	VEC(char *) warnings;
};

struct report_format {
	const char *name; /* --format=NAME */
	const char *summary;
	bool is_binary; /* is not written to a terminal */

	/* Writes the report. Returns 0, -ENOMEM, -EOVERFLOW, or MERGE_E_MISMATCH if the format is a
	 * profile but the sample types of the inputs differ. Errors in writing are kept in the
	 * output and reported when it is committed. */
	int (*write)(const struct report *report, struct output *output);
};

/* All formats, the default first; ends with NULL. */
extern const struct report_format *const report_formats[];

/* Returns the format with that name, or NULL if there is none. */
const struct report_format *report_format_find(const char *name);

/* Sets report.marks. Returns 0 or -ENOMEM. */
int report_mark(struct report *report);

/* Returns whether any gate failed. */
bool report_has_failures(const struct report *report);

/* Formats the interval of a change, or the reason why there is none: "exact" or "too few
 * samples". */
struct formatted report_format_bounds(const struct report *report, const struct diff *diff,
				      const struct estimated_change *change);

/* Returns the row for which a gate failed, or NULL if it failed for the total. */
const struct diff_row *report_failed_row(const struct gate_result *result,
					 const struct gate_failure *failure);

/* Describes how a gate failed, without the name of the function that grew: "from ... to ...; limit
 * 2%". */
struct formatted report_describe_growth(const struct report *report,
					const struct gate_result *result,
					const struct gate_failure *failure);

/* Describes why a gate passed although rows of the report grew significantly. Returns "" if the
 * gate failed, or if no row grew significantly. */
struct formatted report_describe_pass(const struct report *report,
				      const struct gate_result *result);

/* Describes the growth that would have made the gate fail, if it passed. Returns "" if the gate
 * failed, or if no error could have hidden growth. */
struct formatted report_describe_power(const struct gate_result *result);

/* Describes a failure in one line, without a newline: "inuse_space of f: from ... to ...". The
 * caller frees the text. Returns NULL if memory is out. */
char *report_describe_failure(const struct report *report, const struct gate_result *result,
			      const struct gate_failure *failure);

/* Returns how many rows to show, or to show first. */
size_t report_n_shown(const struct report *report);

/* Returns whether a row has samples, or values other than 0. */
bool report_is_row_shown(const struct diff_row *row);

/* Returns the difference of a change to show: 0 if it comes from rounding. Estimates are whole
 * numbers, so equal samples of two dumps may differ by 1. */
double report_difference(const struct estimated_change *change);

/* Returns whether the flat or the cumulative value of a row differs between base and new. Rows that
 * don't differ are sorted last. */
bool report_is_row_different(const struct diff *diff, const struct diff_row *row);
