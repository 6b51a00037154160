/* SPDX-License-Identifier: MIT */
/* How a series is shown. */
#pragma once
#include "analysis/series.h"
#include "base/output.h"

struct trend_report {
	const struct series *series;
	size_t n_top; /* rows to show; 0: all */
	double confidence;
	const bool *failures; /* for each row: whether it fails the gate */
	bool has_failed;
	const char *warning; /* "": there is none */
};

struct trend_format {
	const char *name;
	void (*write)(const struct trend_report *report, struct output *output);
};

/* The formats, the default first; ends with a row without a name. */
extern const struct trend_format trend_formats[];

/* "+1.0 MiB/h" */
struct formatted trend_format_slope(const struct series *series, double slope);
