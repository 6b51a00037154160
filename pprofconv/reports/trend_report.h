/* SPDX-License-Identifier: MIT */
/* A trend report shows a dump series in one of several formats. */
#pragma once
#include "analysis/dump_series.h"
#include "base/output.h"

struct trend_report {
	const struct dump_series *series;
	size_t n_top; /* rows to show; 0: all */
	double confidence;
	const bool *failures; /* for each row: whether it fails the gate */
	bool has_failed;
	const char *gate;            /* its text; NULL: no gate */
	const char *const *warnings; /* ends with NULL */
};

struct trend_format {
	const char *name;
	/* Failures to write, and a lack of memory, go into the output. */
	void (*write)(const struct trend_report *report, struct output *output);
};

/* The formats, the default first; ends with a row without a name. */
extern const struct trend_format trend_formats[];

/* Describes how a row failed the gate: "inuse_space of f grows by +1.0 MiB/h; limit 1K". Returns
 * NULL if memory is out. The caller frees the text. */
char *trend_describe_failure(const struct trend_report *report, const struct dump_series_row *row);
