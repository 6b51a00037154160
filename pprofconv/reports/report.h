/* SPDX-License-Identifier: MIT */
/* A report shows a diff in one of several formats, each a row in a table. To add one: a file with a
 * `const struct report_format`, a row in report.c. */
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
	/* For each row: whether the change of its flat value is significant, by Benjamini and
	 * Hochberg's procedure among all rows. */
	VEC(bool) marks;
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

	/* Returns 0, -ENOMEM, or -EOVERFLOW; failures to write go into the output. */
	int (*write)(const struct report *report, struct output *output);
};

/* The formats, the default first; ends with NULL. */
extern const struct report_format *const report_formats[];

/* Returns the row of that name, or NULL. */
const struct report_format *report_format_find(const char *name);

/* Sets the marks. Returns 0 or -ENOMEM. */
int report_mark(struct report *report);

/* Whether any gate failed. */
bool report_has_failures(const struct report *report);

/* Returns the interval of a change, or why there is none. */
struct formatted report_format_bounds(const struct report *report, const struct diff *diff,
				      const struct estimated_change *change);

/* Returns the row for which a gate failed, or NULL for the total. */
const struct diff_row *report_failed_row(const struct gate_result *result,
					 const struct gate_failure *failure);

/* Describes how a gate failed, without the name of what grew: "from ... to ...; limit 2%". */
struct formatted report_describe_growth(const struct report *report,
					const struct gate_result *result,
					const struct gate_failure *failure);

/* Describes why a gate passed although rows of the report grew significantly; "" if none did. */
struct formatted report_describe_pass(const struct report *report,
				      const struct gate_result *result);

/* Describes what growth a gate that passed would have seen; "" if no error could hide any. */
struct formatted report_describe_power(const struct gate_result *result);

/* Describes a failure in one line without its end: "inuse_space of f: from ... to ...". Returns
 * NULL if memory is out. The caller frees the text. */
char *report_describe_failure(const struct report *report, const struct gate_result *result,
			      const struct gate_failure *failure);

/* Returns how many rows to show first. */
size_t report_n_shown(const struct report *report);

/* Whether a row has anything to show. */
bool report_is_row_shown(const struct diff_row *row);

/* Whether the function holds more or less than before, by itself or with all that it called. Rows
 * that don't differ are the last. */
bool report_is_row_different(const struct diff *diff, const struct diff_row *row);
