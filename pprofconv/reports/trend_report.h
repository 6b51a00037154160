/* SPDX-License-Identifier: MIT */
/* How a series is shown. */
#pragma once
#include "analysis/dump_series.h"
#include "base/output.h"

struct trend_report {
	const struct dump_series *series;
	size_t n_top; /* rows to show; 0: all */
	double confidence;
	const bool *failures; /* for each row: whether it fails the gate */
	bool has_failed;
	const char *gate;            /* its text; NULL: there is none */
	const char *const *warnings; /* ends with NULL */
};

struct trend_format {
	const char *name;
	/* Failures to write go into the output, as does a lack of memory. */
	void (*write)(const struct trend_report *report, struct output *output);
};

/* The formats, the default first; ends with a row without a name. */
extern const struct trend_format trend_formats[];

/* How a row failed the gate, in words: "inuse_space of f grows by +1.0 MiB/h; limit 1K". The caller
 * frees it; NULL if memory is out. */
char *trend_describe_failure(const struct trend_report *report, const struct dump_series_row *row);
