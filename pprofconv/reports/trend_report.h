/* SPDX-License-Identifier: MIT */
/* A trend report shows a dump series in one of several formats. */
#pragma once
#include "analysis/dump_series.h"
#include "base/display.h"
#include "base/output.h"

struct trend_report {
	const struct dump_series *series;
	size_t n_top; /* number of rows to show; 0: all */
	double confidence;
	const bool *failures; /* for each row: whether it fails the gate */
	bool has_failed;
	const char *gate;              /* the text of the gate; NULL: no gate */
	const char *const *warnings;   /* ends with NULL */
	const char *by;                /* what a row is */
	bool full_names;               /* names are not shortened */
	const struct display *display; /* of text; NULL: lines of any length */
};

struct trend_format {
	const char *name;
	/* Writes the report. Errors in writing, and running out of memory, are kept in the output
	 * and reported when it is committed. */
	void (*write)(const struct trend_report *report, struct output *output);
};

/* All formats, the default first; ends with a row whose name is NULL. */
extern const struct trend_format trend_formats[];

/* Describes how a row failed the gate: "inuse_space of f grows by +1.0 MiB/h; limit 1K". The caller
 * frees the text. Returns NULL if memory is out. */
char *trend_describe_failure(const struct trend_report *report, const struct dump_series_row *row);
