/* SPDX-License-Identifier: MIT */
/* How a diff is shown: a row for each format. To add one: a file with a `const struct
 * report_format`, a row in report.c. */
#pragma once
#include <stdbool.h>

#include "analysis/diff.h"
#include "analysis/gate.h"
#include "base/output.h"
#include "reports/format.h"

struct report {
	struct diff *diff;                  /* sorted */
	const struct diff_input *inputs[2]; /* as many as the diff has runs, of each side */
	char *const *names[2];              /* of the files */
	VEC(bool)
	marks;        /* for each row: whether the change of its flat value is real, found by
			 Benjamini and Hochberg's procedure among all rows */
	size_t n_top; /* rows to show, or to show first; 0: all */
	double confidence;
	bool is_strict;
	const char *by; /* what a row is: function, file, line, mapping */
	bool is_one_run;
	const struct gate_result *results;
	size_t n_results;
	VEC(char *) warnings;
};

struct report_format {
	const char *name; /* --format=NAME */
	const char *summary;
	bool is_binary; /* not for a terminal */

	/* 0, -ENOMEM, or -EOVERFLOW; failures to write go into the output. */
	int (*write)(const struct report *report, struct output *output);
};

/* The formats, the default first; ends with NULL. */
extern const struct report_format *const report_formats[];

/* The row of that name, or NULL. */
const struct report_format *report_format_find(const char *name);

/* Sets the marks. 0 or -ENOMEM. */
int report_mark(struct report *report);

/* Whether any gate failed. */
bool report_has_failures(const struct report *report);

/* How sure a change is: between what bounds it lies, or why there are none. */
struct formatted report_format_bounds(const struct report *report, const struct diff *diff,
				      const struct estimated_change *change);

/* Of which row a gate failed: NULL if of all together. */
const struct diff_row *report_failed_row(const struct gate_result *result,
					 const struct gate_failure *failure);

/* How a gate failed in words, but for what grew: "from ... to ...; limit 2%". */
struct formatted report_describe_growth(const struct report *report,
					const struct gate_result *result,
					const struct gate_failure *failure);

/* Why a gate passed although rows of the report are marked as growth that is real; "" if there are
 * none. */
struct formatted report_describe_pass(const struct report *report,
				      const struct gate_result *result);

/* What growth a gate that passed would have seen; "" if there is no error that could hide any. */
struct formatted report_describe_power(const struct gate_result *result);

/* A failure in words, one line without its end: "the total of inuse_space grew by ...". The caller
 * frees it; NULL if memory is out. */
char *report_describe_failure(const struct report *report, const struct gate_result *result,
			      const struct gate_failure *failure);

/* How many rows to show first. */
size_t report_n_shown(const struct report *report);

/* Whether a row has anything to show. */
bool report_is_row_shown(const struct diff_row *row);

/* Whether the function holds more or less than before, itself or by its calls. Rows that don't
 * differ are the last. */
bool report_is_row_different(const struct diff *diff, const struct diff_row *row);
